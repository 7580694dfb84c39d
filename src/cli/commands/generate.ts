/** `vdmini generate`: a clip of a pipeline folder, by the whole model or without some of its blocks, as a GIF or, for the page, as a stored clip. */

import { NOTHING_DROPPED } from '../../blocks/plan';
import { present } from '../../errors/present';
import { fingerprintOf, outlineOf } from '../../studio/fingerprint';
import { variantOf } from '../../studio/Variant';
import { device, latentSize, parseArguments, required } from '../arguments';
import type { Command } from '../Command';
import { requireFolder, writeWhole } from '../fileOutput';
import { generateHelp, generateOptions, notesOn, printable, readScale, readSettings } from '../generateOptions';
import { encodeGif } from '../gif';
import { openPipelineOnDisk } from '../openPipelineOnDisk';
import { planHelp, readPlan, wholeTree } from '../planOptions';
import { showStep } from '../stepProgress';
import { encodeStoredClip } from '../storedClip';
import { counted } from '../table';

const help = `Usage: vdmini generate FOLDER --out CLIP.gif|CLIP.png [--prompt TEXT] [--seed N] [--steps N] [--drop ID,ID...] [--json]

Makes a clip with the pipeline in FOLDER (Optimum's layout, or one denoiser file) on the CPU and saves it as a GIF,
or as a PNG of all frames on top of each other with its settings in CLIP.json beside it: what the page shows while a
bundled model opens (FOLDER/stored-clip.png).
Without blocks to drop it is the teacher's clip.

${generateHelp}
${planHelp}
  --out FILE          the GIF or PNG
  --scale N           how often each pixel is repeated in the GIF (default 4)
  --json              settings, size and times
`;

export const generate: Command = {
  help,
  async run(args, signal) {
    const { values, positionals } = parseArguments(args, generateOptions, ['FOLDER']);
    const out = required(values.out, '--out CLIP.gif');
    const scale = readScale(values.scale);
    await requireFolder(out);
    const pipeline = await openPipelineOnDisk(
      present(positionals[0]),
      signal,
      latentSize(values['latent-size']),
      device(values.device),
    );
    try {
      const settings = await readSettings(values, pipeline);
      const plan = (await readPlan(values, wholeTree(pipeline))) ?? NOTHING_DROPPED;
      const result = await pipeline.sample(
        { takes: [{ variant: variantOf(plan), settings }], previewEvery: 0 },
        { signal, onProgress: showStep },
      );
      const clip = present(result.clips[0]);
      const { framesPerSecond } = pipeline.description;
      const notes = notesOn(values, pipeline.description);
      if (out.endsWith('.png')) {
        const names = { fingerprint: await fingerprintOf(pipeline), outline: await outlineOf(pipeline) };
        const stored = encodeStoredClip(clip, settings, names);
        await writeWhole(out, signal, stored.picture);
        await writeWhole(out.replace(/\.png$/, '.json'), signal, stored.facts);
      } else await writeWhole(out, signal, encodeGif(clip, framesPerSecond, scale));
      const { frameCount, width, height } = clip;
      const medianStepMs = result.medianStepMs[0];
      const decodeMs = result.decodeMs[0];
      if (values.json) {
        process.stdout.write(
          JSON.stringify(
            {
              out,
              settings: printable(settings),
              dropped: plan.dropped,
              clip: { frameCount, width, height, framesPerSecond },
              medianStepMs,
              decodeMs,
              notes,
            },
            null,
            2,
          ) + '\n',
        );
      } else {
        process.stdout.write(
          `Wrote ${out}: ${frameCount} frames of ${width}x${height}, "${settings.prompt}", seed ${settings.seed}, ${counted(settings.steps, 'step')} of ${medianStepMs?.toFixed(0)} ms.\n`,
        );
        if (plan.dropped.length > 0) process.stdout.write(`Without ${plan.dropped.join(', ')}.\n`);
        for (const note of notes) process.stdout.write(`Note: ${note}\n`);
      }
    } finally {
      await pipeline.release();
    }
  },
};
