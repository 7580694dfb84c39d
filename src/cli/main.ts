/**
 * `vdmini`: the studio's passes without a page. Results go to stdout, progress to stderr; an error is one line of
 * JSON on stderr, {"error": {"code", "message"}}, and a non-zero exit. Each command is loaded when it is called.
 */
import { StudioError } from '../errors/StudioError';
import type { Command } from './Command';
import { Interrupted } from './interrupted';

const commands: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  blocks: {
    summary: 'show the blocks of a denoiser and what each costs',
    load: async () => (await import('./commands/blocks')).blocks,
  },
  prune: {
    summary: 'write a denoiser without some of its blocks',
    load: async () => (await import('./commands/prune')).prune,
  },
  differentiate: {
    summary: 'write the graph of a model’s gradients',
    load: async () => (await import('./commands/differentiate')).differentiate,
  },
  generate: {
    summary: 'make a clip with a pipeline folder and save it as a GIF',
    load: async () => (await import('./commands/generate')).generate,
  },
  compare: {
    summary: 'make the clip with and without some blocks and measure the difference',
    load: async () => (await import('./commands/compare')).compare,
  },
  report: {
    summary: 'write what a cut does into one HTML file',
    load: async () => (await import('./commands/report')).report,
  },
  analyze: {
    summary: 'measure what each block matters to content and to motion',
    load: async () => (await import('./commands/analyze')).analyze,
  },
  plan: {
    summary: 'find what to drop for a budget',
    load: async () => (await import('./commands/plan')).plan,
  },
  heal: {
    summary: 'train what a cut leaves until it does what the whole model did',
    load: async () => (await import('./commands/heal')).heal,
  },
};

const overview = `Usage: vdmini COMMAND ... [--json]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(15)}${summary}`)
  .join('\n')}

"vdmini COMMAND --help" tells more.
`;

/** Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
async function main(args: readonly string[]): Promise<number> {
  const interruption = new AbortController();
  process.once('SIGINT', () => interruption.abort());
  process.once('SIGTERM', () => interruption.abort());
  process.once('SIGHUP', () => interruption.abort());
  process.stdout.on('error', stopAtClosedPipe);
  try {
    await dispatch(args, interruption.signal);
    return 0;
  } catch (thrown) {
    if (interruption.signal.aborted) {
      const said = thrown instanceof Interrupted ? thrown.message : 'Interrupted; nothing was written.';
      return report('cancelled', said, 130);
    }
    const error = StudioError.from(thrown);
    return report(error.code, error.message, error.code === 'cli/usage' ? 2 : 1);
  }
}

async function dispatch(args: readonly string[], signal: AbortSignal): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(overview);
    return;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    throw new StudioError(
      'cli/usage',
      `There is no command "${name}"; the commands are ${Object.keys(commands).join(', ')}.`,
    );
  }
  const command = await entry.load();
  if (rest.includes('--help') || rest.includes('-h')) process.stdout.write(command.help);
  else await command.run(rest, signal);
}

function report(code: string, message: string, exitStatus: number): number {
  process.stderr.write(JSON.stringify({ error: { code, message } }) + '\n');
  return exitStatus;
}

/** `vdmini blocks ... | head` closes the pipe early: that is no failure. */
function stopAtClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}

process.exitCode = await main(process.argv.slice(2));
