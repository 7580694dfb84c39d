/** `vdmini analyze`: each block off alone, and what that does to content and to motion. */
import { present } from '../../errors/present';
import { openSize } from '../../pipeline/openSize';
import { claimSentence } from '../../report/claimSentence';
import { decoderUnits, measureDecoderImportance } from '../../studio/decoderImportance';
import { FINAL_ABOVE, type FinalBounds } from '../../studio/finalLatents';
import { fingerprintOf } from '../../studio/fingerprint';
import type { Importance, UnitImportance } from '../../studio/importance';
import { measureImportance } from '../../studio/importance';
import type { SplitError } from '../../studio/teacherRuns';
import { type UnitKind, unitsOf } from '../../studio/units';
import { decimal, device, latentSize, parseArguments, required } from '../arguments';
import type { Command } from '../Command';
import { csvHead } from '../csvHead';
import { requireFolder, writeWhole } from '../fileOutput';
import { printable } from '../generateOptions';
import { importanceHelp, importanceOptions, readClips, readUnitKind } from '../importanceOptions';
import { openPipelineOnDisk } from '../openPipelineOnDisk';
import { counted, table, withPrefix } from '../table';

const help = `Usage: vdmini analyze FOLDER --out importance.json [--units KIND] [--prompts FILE] [--seeds N] [--final] [--times]

Switches each unit off alone and measures the error of the denoiser's guided output on the states of the teacher's own
sampling: mean squares per element, split exactly into content (the same in every frame) and motion, and by noise band
(share of noise above and below 0.6). Units that begin late are run from the teacher's own features.
--units decoder: the decoder's layers instead, and the error of the frames decoded from the teacher's final latents.

${importanceHelp}
  --final             also the error of the clip's final latent, the unit off in every step; units whose damage is below
                      1 % of the largest get bounds from the others' instead
  --final-above SHARE another share than 0.01; 0: every unit is measured
  --times             also the milliseconds that a step saves without each unit, on this machine: teacher and student in
                      turns, at least five pairs, the median with an interval of 90 %
  --out FILE          all figures, as JSON
  --csv FILE          one line a unit
  --json              what --out gets, instead of a table
`;

const options = {
  ...importanceOptions,
  out: { type: 'string' },
  csv: { type: 'string' },
  final: { type: 'boolean' },
  'final-above': { type: 'string' },
  times: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

export const analyze: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, options, ['FOLDER']);
    const out = required(values.out, '--out importance.json');
    const kind = readUnitKind(values);
    await requireFolder(out);
    if (values.csv !== undefined) await requireFolder(values.csv);
    const pipeline = await openPipelineOnDisk(
      present(positionals[0]),
      signal,
      latentSize(values['latent-size']),
      device(values.device),
    );
    try {
      const clips = await readClips(values, pipeline);
      const ofDecoder = kind === 'decoder';
      const units = ofDecoder ? decoderUnits(pipeline) : unitsOf(pipeline.denoiser.tree, kind);
      const measure = ofDecoder ? measureDecoderImportance : measureImportance;
      const importance = await measure(pipeline, units, clips, {
        signal,
        final: values.final ?? false,
        finalAbove: decimal(values['final-above'], '--final-above', 0, FINAL_ABOVE),
        times: values.times ?? false,
        onProgress: ({ done, of }) => {
          if (process.stderr.isTTY) process.stderr.write(`\runit ${done} of ${of}${done === of ? '\n' : ''}`);
        },
      });
      const encode = (text: string) => new TextEncoder().encode(text);
      const facts = {
        model: await fingerprintOf(pipeline),
        latentSize: openSize(pipeline.description),
        kind,
        ...importance,
        settings: importance.settings.map(printable),
      };
      const text = JSON.stringify(facts, null, 2) + '\n';
      await writeWhole(out, signal, encode(text));
      if (values.csv !== undefined)
        await writeWhole(values.csv, signal, encode((await csvHead(pipeline, [], clips)) + csvOf(importance)));
      process.stdout.write(values.json ? text : describe(importance, kind, out));
    } finally {
      await pipeline.release();
    }
  },
};

const COLUMNS = [
  'id,kind,section,level,depth,parameters,macs',
  'content,motion,total,half_content,half_motion,half_interval',
  'high_noise_content,high_noise_motion,high_noise,low_noise_content,low_noise_motion,low_noise',
  'final_content,final_motion,final,final_low,final_high,influence,saved_ms,saved_ms_low,saved_ms_high',
].join();

function csvOf({ units }: Importance): string {
  const parts = (error: SplitError | null) => [error?.content ?? '', error?.motion ?? '', error?.total ?? ''];
  const line = ({ output, highNoise, lowNoise, final, finalBounds, influence, savedMs, ...unit }: UnitImportance) =>
    [
      unit.id,
      unit.kind,
      unit.section,
      unit.level,
      unit.depth,
      unit.parameters,
      unit.macs,
      output.content,
      output.motion,
      output.total,
      output.halfContent,
      output.halfMotion,
      output.halfInterval,
      ...parts(highNoise),
      ...parts(lowNoise),
      ...parts(final),
      finalBounds?.low ?? '',
      finalBounds?.high ?? '',
      influence ? influence.reduce((sum, value) => sum + value, 0) / influence.length : '',
      savedMs?.median ?? '',
      savedMs?.low ?? '',
      savedMs?.high ?? '',
    ].join(',');
  return [COLUMNS, ...units.map(line)].join('\n') + '\n';
}

const boundsText = (bounds: FinalBounds | null) =>
  bounds ? `${bounds.low.toPrecision(1)} to ${bounds.high.toPrecision(1)}` : '';

function describe({ settings, units }: Importance, kind: UnitKind, out: string): string {
  const withFinal = units.some(({ final }) => final !== null);
  const withTimes = units.some(({ savedMs }) => savedMs !== null);
  const rows = [...units]
    .sort((a, b) => b.output.total - a.output.total)
    .map(({ id, kind, output, final, finalBounds, savedMs, parameters, macs }) => [
      id,
      kind,
      output.total.toPrecision(3),
      output.content.toPrecision(3),
      output.motion.toPrecision(3),
      ...(withFinal ? [final?.total.toPrecision(3) ?? boundsText(finalBounds)] : []),
      ...(withTimes
        ? [savedMs ? `${savedMs.median.toFixed(2)} (${savedMs.low.toFixed(2)} to ${savedMs.high.toFixed(2)})` : '']
        : []),
      withPrefix(parameters),
      withPrefix(macs),
    ]);
  const titles = [
    'unit',
    'kind',
    'damage',
    'content',
    'motion',
    ...(withFinal ? ['final latent'] : []),
    ...(withTimes ? ['ms saved'] : []),
    'parameters',
    'MACs',
  ];
  return `${table(
    titles,
    rows,
    titles.slice(2).map((_, index) => index + 2),
  )}
Damage: mean squared error of ${kind === 'decoder' ? 'the decoded frames, in 8-bit levels' : 'the guided output'}, on ${counted(settings.length, 'clip')}. Written to ${out}.
${kind === 'decoder' ? '' : `${claimSentence(units.map(({ output, level, depth }) => ({ ...output, level, depth })))}\n`}`;
}
