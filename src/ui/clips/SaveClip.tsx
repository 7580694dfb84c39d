/** Clips as files: which of them, in which format, how large; named by model, cut, prompt and settings. */
import { useEffect, useState } from 'react';
import type { Plan } from '../../blocks/plan';
import { Icon } from '../parts/Icon';
import { Popover } from '../parts/Popover';
import { Segmented } from '../parts/Segmented';
import { describeCut } from '../plan/cut';
import { fileStem } from '../plan/provenance';
import { frameCount } from '../store/derived';
import { showNotice, showProblem } from '../store/engine';
import { download } from '../store/exporting';
import { planTreeOf } from '../store/mapped';
import { read, useStudio } from '../store/state';
import { type ClipFormat, canEncode, encodeGif, encodePng, encodeVideo } from './saving/encode';
import { framePainter, type SavedPart } from './saving/picture';

const parts = [
  { value: 'both', label: 'Side by side' },
  { value: 'teacher', label: 'Teacher' },
  { value: 'student', label: 'Student' },
  { value: 'difference', label: 'Difference' },
] as const satisfies readonly { value: SavedPart; label: string }[];

/** With a second student beside. */
const threeParts = [
  { value: 'three', label: 'All three' },
  { value: 'teacher', label: 'Teacher' },
  { value: 'student', label: 'A' },
  { value: 'second', label: 'B' },
  { value: 'difference', label: 'A − teacher' },
] as const satisfies readonly { value: SavedPart; label: string }[];

export function SaveClip() {
  const hasClip = useStudio((state) => frameCount(state) > 0);
  return (
    <Popover
      button={
        <>
          <Icon name="download" size={14} /> <span className="wide-only">Save clip</span>
        </>
      }
      buttonClass="button quiet small"
      label="Save the clip"
      align="right"
      width={340}
      testId="save-clip"
      disabled={!hasClip}
    >
      {() => <SaveForm />}
    </Popover>
  );
}

function SaveForm() {
  const three = useStudio((state) => state.second !== null);
  const [part, setPart] = useState<SavedPart>(three ? 'three' : 'both');
  const [scale, setScale] = useState(4);
  const [busy, setBusy] = useState(false);
  const [videos, setVideos] = useState<readonly ('webm' | 'mp4')[]>([]);
  useEffect(() => {
    let here = true;
    const look = async () => {
      const able = await Promise.all(
        (['webm', 'mp4'] as const).map(async (format) => ((await canEncode(format)) ? [format] : [])),
      );
      if (here) setVideos(able.flat());
    };
    void look();
    return () => {
      here = false;
    };
  }, []);
  const save = async (format: ClipFormat) => {
    setBusy(true);
    await saveClip(part, format, scale);
    setBusy(false);
  };
  return (
    <div className="save-form">
      <Segmented
        label="Which clip"
        choices={three ? threeParts : parts}
        value={part}
        onChange={setPart}
        testId="save-part"
      />
      <label className="transport-field">
        <span>Each pixel as</span>
        <select
          className="field"
          value={scale}
          onChange={(event) => setScale(Number(event.target.value))}
          data-testid="save-scale"
        >
          {[1, 2, 4, 6, 8].map((value) => (
            <option key={value} value={value}>
              {value}×{value}
            </option>
          ))}
        </select>
      </label>
      <div className="save-formats">
        <button
          type="button"
          className="button"
          disabled={busy}
          onClick={() => void save('png')}
          data-testid="save-png"
        >
          PNG of this frame
        </button>
        <button
          type="button"
          className="button"
          disabled={busy}
          onClick={() => void save('gif')}
          data-testid="save-gif"
        >
          GIF
        </button>
        {videos.map((format) => (
          <button
            key={format}
            type="button"
            className="button"
            disabled={busy}
            onClick={() => void save(format)}
            data-testid={`save-${format}`}
          >
            {format === 'webm' ? 'WebM' : 'MP4'}
          </button>
        ))}
      </div>
    </div>
  );
}

async function saveClip(part: SavedPart, format: ClipFormat, scale: number): Promise<void> {
  const { open, shown, player, second } = read();
  const made = part === 'teacher' ? shown.teacher : part === 'second' ? shown.second : shown.student;
  if (!open || !made) return showNotice('There is no such clip yet.');
  const { plan, settings } = made;
  const cutOf = ({ dropped }: Plan) =>
    dropped.length === 0 ? 'nothing dropped' : `without ${describeCut(planTreeOf(open), { dropped })}`;
  const cut = cutOf(plan);
  const other = `B (${second?.name ?? ''}), ${second ? cutOf(second.plan) : ''}`;
  const who = {
    three: `teacher | A, ${cut} | ${other}`,
    second: other,
    both: `teacher | student, ${cut}`,
    teacher: 'teacher',
    student: `student, ${cut}`,
    difference: `|student − teacher| × ${player.differenceGain}, ${cut}`,
  }[part];
  const painter = framePainter(
    { teacher: shown.teacher?.clip, student: shown.student?.clip, second: shown.second?.clip },
    {
      part,
      scale,
      gain: player.differenceGain,
      caption: (frame) =>
        `${frame + 1}/${made.clip.frameCount} · ${open.description.name} · ${who} · ${settings.prompt}`,
    },
  );
  if (!painter) return showNotice('There is no such clip yet.');
  const stem = (...further: readonly string[]) => fileStem(open, plan, settings, part, ...further);
  const { framesPerSecond } = open.description;
  try {
    if (format === 'png') {
      const number = String(player.frame + 1).padStart(String(painter.frameCount).length, '0');
      download(`${stem(`frame${number}`)}.png`, await encodePng(painter, player.frame));
    } else if (format === 'gif') download(`${stem()}.gif`, await encodeGif(painter, framesPerSecond));
    else download(`${stem()}.${format}`, await encodeVideo(painter, format, framesPerSecond));
  } catch (thrown) {
    showProblem(thrown, 'export');
  }
}
