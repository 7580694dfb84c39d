/** What a clip takes from noise to frames: the denoiser's steps and the decoder apart, and end to end. */
import { formatMs, formatPercent } from '../format';
import { useStepTimes } from '../metrics/useStepTimes';
import { Explain } from '../parts/Explain';
import { useStudio } from '../store/state';

export function ClipTime() {
  const steps = useStudio((state) => state.settings.steps);
  const paceMs = useStudio((state) => state.paceMs);
  const decodedMs = useStudio((state) => state.decodeMs);
  const { times: step } = useStepTimes('denoiser');
  const { times: decoding } = useStepTimes('decoder');
  // What is not cut takes the same on both sides: as the last clip took it.
  const [teacherStep, studentStep] = [step?.referenceMs ?? paceMs, step?.candidateMs ?? paceMs];
  const [teacherDecoding, studentDecoding] = [decoding?.referenceMs ?? decodedMs, decoding?.candidateMs ?? decodedMs];
  if (teacherStep === null || studentStep === null || teacherDecoding === null || studentDecoding === null) return null;
  const teacher = steps * teacherStep + teacherDecoding;
  const student = steps * studentStep + studentDecoding;
  const changes = step !== null || decoding !== null;
  return (
    <p className="clip-time" data-testid="clip-time" data-teacher={teacher} data-student={student}>
      <Explain about="Denoiser: steps times the time of a step, all guidance branches together. Decoder: latents to frames, once at the end. Previews on the way are not counted.">
        <span>
          <b>{formatMs(student)} a clip</b>
          {changes && `, ${formatPercent(student / teacher)} of the teacher’s`}: denoiser{' '}
          {formatMs(steps * studentStep)}, decoder {formatMs(studentDecoding)}
        </span>
      </Explain>
    </p>
  );
}
