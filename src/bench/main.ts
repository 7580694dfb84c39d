/**
 * `npm run bench`: what the studio's design buys, as ratios of one run. Not a test: nothing fails when a ratio is bad.
 * Each part is measured in turns with what it is compared with.
 */
import { parseArgs } from 'node:util';
import type { Comparison } from './interleaved';
import { ratioOf } from './interleaved';
import { describeComparison, machine } from './report';

const help = `Usage: npm run bench -- [PART ...] [--json]

Parts (all of them by default):
  sessions   gated all-on / plain; toggle / new session; student / teacher time against the MACs
  memory     weights resident with one gated session / with two sessions
  open       open + discover of full-size SVD and HunyuanVideo, with the heap it takes / Python onnx.load of the graph
  export     prune + export / cp, / Python onnx.load + save, / npm onnxsim
  sweep      every layer off alone, measured / as many warm runs of the teacher; with final latents too
  heal       training step of the preset's student / PyTorch's, natively and in Chromium, / its forward pass; peak memory
  tab        in Chromium: a step on WebAssembly / natively, gates, session creation, students against their MACs, a clip of
             the page with its previews; dispatches on WebGPU; memory of one long attention
  heap       the largest model that opens and steps on WebAssembly in the tab, by trying; not among "all of them"
  full-size  the same of a full-size SVD (3 GB; needs 12 GB of disk), on the command line and in the tab, without
             onnxsim, which ends at 2 GB

  --model FOLDER     pipeline folder whose denoiser is measured (default public/models/emoji-t2v)
  --repeats N        repeats of each measurement (default 9)
  --megabytes N      size of the model that "export" prunes (default 1000; needs three times that on disk)
  --gpu              "tab" counts on this machine's own WebGPU adapter instead of Chromium's software one, and times the
                     step there, each layout of convolutions, the page's clip and its training step
  --json             all of it as JSON
`;

const parts = ['sessions', 'memory', 'open', 'export', 'heal', 'sweep', 'tab', 'heap', 'full-size'] as const;
/** Takes minutes and gives no ratio: measured when asked for. */
const ONLY_WHEN_ASKED: ReadonlySet<string> = new Set(['heap']);
type Part = (typeof parts)[number];

interface Settings {
  readonly model: string;
  readonly repeats: number;
  readonly megabytes: number;
  readonly gpu: boolean;
}

async function measure(
  part: Part,
  { model, repeats, megabytes, gpu }: Settings,
  say: (line: string) => void,
): Promise<Comparison[]> {
  switch (part) {
    case 'sessions':
      return (await import('./parts/sessions')).sessions(model, repeats);
    case 'memory':
      return (await import('./parts/memory')).memory(model, repeats);
    case 'open':
      return (await import('./parts/open')).open(repeats, say);
    case 'export':
      return (await import('./parts/fileExport')).fileExport(megabytes, repeats, say);
    case 'sweep':
      return (await import('./parts/sweep')).sweep(model);
    case 'heal':
      return (await import('./parts/heal')).heal(model, repeats, say);
    case 'tab':
      return (await import('./parts/tab')).tab(model, repeats, gpu, say);
    case 'heap':
      await (await import('./parts/heap')).heap(say);
      return [];
    case 'full-size':
      return (await import('./parts/fileExport')).fullSizeExport(Math.min(repeats, 3), say);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      model: { type: 'string', default: 'public/models/emoji-t2v' },
      repeats: { type: 'string', default: '9' },
      megabytes: { type: 'string', default: '1000' },
      gpu: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return void process.stdout.write(help);
  const wrong = positionals.filter((name) => !parts.some((part) => part === name));
  if (wrong.length > 0) throw new Error(`There is no part ${wrong.join(', ')}; the parts are ${parts.join(', ')}.`);
  const { model, gpu } = values;
  const settings = { model, gpu, repeats: Number(values.repeats), megabytes: Number(values.megabytes) };
  const results: Comparison[] = [];
  const remarks: string[] = [];
  const say = (line: string) => {
    remarks.push(line);
    if (!values.json) console.log(line);
  };
  if (!values.json) console.log(`${machine()}\n`);
  for (const part of parts) {
    if (positionals.length > 0 ? !positionals.includes(part) : ONLY_WHEN_ASKED.has(part)) continue;
    for (const comparison of await measure(part, settings, say)) {
      results.push(comparison);
      if (!values.json) console.log(describeComparison(comparison));
    }
  }
  if (values.json)
    console.log(
      JSON.stringify(
        { machine: machine(), results: results.map((result) => ({ ratio: ratioOf(result), ...result })), remarks },
        null,
        2,
      ),
    );
}

await main();
