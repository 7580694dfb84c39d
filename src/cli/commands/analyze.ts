/** `vdmini analyze`: each block off alone, and what that does to content and to motion. */
import { claimSentence } from '../../report/claimSentence';
import type { Importance, UnitImportance } from '../../studio/importance';
import { measureImportance, unitsOf } from '../../studio/importance';
import { device, latentSize, parseArguments, required } from '../arguments';
import type { Command } from '../Command';
import { requireFolder, writeWhole } from '../fileOutput';
import { importanceHelp, importanceOptions, readClips, readUnitKind } from '../importanceOptions';
import { openPipelineOnDisk } from '../openPipelineOnDisk';
import { counted, table, withPrefix } from '../table';

const help = `Usage: vdmini analyze FOLDER --out importance.json [--units KIND] [--prompts FILE] [--seeds N] [--csv FILE]

Switches each unit off alone and measures the error of the denoiser's guided output on the states of the teacher's own
sampling: mean squares per element, split exactly into content (the same in every frame) and motion, and by noise band
(share of noise above and below 0.6).

${importanceHelp}
  --out FILE          all figures, as JSON
  --csv FILE          one line a unit
`;

const options = { ...importanceOptions, out: { type: 'string' }, csv: { type: 'string' } } as const;

export const analyze: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, options, ['FOLDER']);
    const out = required(values.out, '--out importance.json');
    const kind = readUnitKind(values);
    await requireFolder(out);
    if (values.csv !== undefined) await requireFolder(values.csv);
    const pipeline = await openPipelineOnDisk(
      positionals[0]!,
      signal,
      latentSize(values['latent-size']),
      device(values.device),
    );
    try {
      const clips = await readClips(values, pipeline.description);
      const units = unitsOf(pipeline.denoiser.tree, kind);
      const importance = await measureImportance(pipeline, units, clips, {
        signal,
        onProgress: ({ done, of }) => {
          if (process.stderr.isTTY) process.stderr.write(`\runit ${done} of ${of}${done === of ? '\n' : ''}`);
        },
      });
      const encode = (text: string) => new TextEncoder().encode(text);
      await writeWhole(out, signal, encode(JSON.stringify({ kind, ...importance }, null, 2) + '\n'));
      if (values.csv !== undefined) await writeWhole(values.csv, signal, encode(csvOf(importance)));
      process.stdout.write(describe(importance, out));
    } finally {
      await pipeline.release();
    }
  },
};

const COLUMNS = 'id,kind,section,level,depth,parameters,macs,content,motion,total,half_interval,high_noise,low_noise';

function csvOf({ units }: Importance): string {
  const line = ({ output, highNoise, lowNoise, ...unit }: UnitImportance) =>
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
      output.halfInterval,
      highNoise?.total ?? '',
      lowNoise?.total ?? '',
    ].join(',');
  return [COLUMNS, ...units.map(line)].join('\n') + '\n';
}

function describe({ settings, units }: Importance, out: string): string {
  const rows = [...units]
    .sort((a, b) => b.output.total - a.output.total)
    .map(({ id, kind, output, parameters, macs }) => [
      id,
      kind,
      output.total.toPrecision(3),
      output.content.toPrecision(3),
      output.motion.toPrecision(3),
      withPrefix(parameters),
      withPrefix(macs),
    ]);
  return `${table(['unit', 'kind', 'damage', 'content', 'motion', 'parameters', 'MACs'], rows, [2, 3, 4, 5, 6])}
Damage: mean squared error of the guided output, on ${counted(settings.length, 'clip')}. Written to ${out}.
${claimSentence(units.map(({ output, level, depth }) => ({ ...output, level, depth })))}
`;
}
