/**
 * The house rules, held by a test: which folder may import which, no cycles between files, no `utils`, and the
 * runtimes known to `runtime` alone.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(__dirname);

/** Folder -> folders whose files it may import (besides its own). */
const allowed: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  onnx: ['errors'],
  blocks: ['errors', 'onnx'],
  passes: ['errors', 'onnx', 'blocks'],
  metrics: ['errors'],
  // a report of what was measured, as one file: made by the page and by the command line
  report: ['errors', 'blocks', 'metrics'],
  library: ['errors', 'onnx'],
  runtime: ['errors', 'onnx'],
  pipeline: ['errors', 'onnx', 'metrics', 'library', 'runtime'],
  studio: ['errors', 'onnx', 'blocks', 'passes', 'metrics', 'library', 'runtime', 'pipeline'],
  worker: ['errors', 'blocks', 'library', 'runtime', 'pipeline', 'studio'],
  ui: ['errors', 'blocks', 'metrics', 'report', 'library', 'pipeline', 'worker'],
  cli: ['errors', 'onnx', 'blocks', 'passes', 'metrics', 'report', 'library', 'runtime', 'pipeline', 'studio'],
  // bench measures what a person runs: the command line's own way of opening, reading and writing models
  bench: ['errors', 'onnx', 'blocks', 'passes', 'metrics', 'library', 'runtime', 'pipeline', 'studio', 'cli'],
};

/** Package -> the only folders that may import it. */
const confined: Readonly<Record<string, readonly string[]>> = {
  'onnxruntime-web': ['runtime'],
  'onnxruntime-node': ['runtime'],
  '@bufbuild/protobuf': ['onnx'],
  react: ['ui'],
  recharts: ['ui'],
  zustand: ['ui'],
};

interface SourceFile {
  readonly path: string; // relative to src
  readonly folder: string;
  readonly imports: readonly string[]; // specifiers as written
  readonly text: string;
}

function sourceFiles(): SourceFile[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts') && path.includes('/'))
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      const imports = [
        ...text.matchAll(
          /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s*['"]([^'"]+)['"]/g,
        ),
      ].map((match) => match[1] ?? match[2] ?? match[3]!);
      return { path, folder: path.split('/')[0]!, imports, text };
    });
}

const isTest = (file: SourceFile) => /\.test\.tsx?$|\/testing\//.test(file.path);
const files = sourceFiles();
const paths = new Set(files.map((file) => file.path));

function target(file: SourceFile, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const base = relative(root, resolve(root, dirname(file.path), specifier.replace(/\?.*$/, '')));
  return [base, `${base}.ts`, `${base}.tsx`, `${base}/index.ts`].find((path) => paths.has(path)) ?? null;
}

describe('architecture', () => {
  it('sees the source', () => {
    expect(files.length).toBeGreaterThan(20);
  });

  it('knows every folder, and none is a drawer for everything', () => {
    for (const file of files) expect(Object.keys(allowed), file.path).toContain(file.folder);
    for (const file of files) expect(file.path).not.toMatch(/(^|\/)(utils?|helpers?|common|misc)(\/|\.)/);
  });

  it('imports in one direction only', () => {
    const wrong: string[] = [];
    for (const file of files) {
      if (isTest(file)) continue; // a test may drive the code above it
      for (const specifier of file.imports) {
        const to = target(file, specifier);
        if (to === null) continue;
        const folder = to.split('/')[0]!;
        if (folder !== file.folder && !allowed[file.folder]!.includes(folder)) wrong.push(`${file.path} -> ${to}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('keeps the page away from the runtime: ui sees only the protocol and the client', () => {
    const seen = files
      .filter((file) => file.folder === 'ui')
      .flatMap((file) => file.imports.map((specifier) => target(file, specifier)))
      .filter((path) => path !== null && /^(runtime|studio|worker)\//.test(path));
    for (const path of seen) expect(['worker/protocol.ts', 'worker/client.ts']).toContain(path);
  });

  it('has no import cycles', () => {
    const graph = new Map(
      files.map((file) => [file.path, file.imports.map((s) => target(file, s)).filter((p) => p !== null)]),
    );
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === 'done') return;
      if (state.get(path) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
        return;
      }
      state.set(path, 'open');
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      state.set(path, 'done');
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it('measures references and candidates, whoever they are', () => {
    const known = files.filter(
      ({ folder, text }) => folder === 'metrics' && /teacher|student(?!'s t|T975)/i.test(text),
    );
    const own = known.filter((file) => !isTest(file)).map(({ path }) => path);
    expect(own).toEqual([]);
  });

  it('confines packages to the folders that own them', () => {
    const wrong: string[] = [];
    for (const file of files) {
      if (isTest(file)) continue;
      for (const specifier of file.imports) {
        for (const [name, folders] of Object.entries(confined)) {
          const hit = specifier === name || specifier.startsWith(`${name}/`);
          if (hit && !folders.includes(file.folder)) wrong.push(`${file.path} imports ${specifier}`);
        }
      }
      if (file.folder !== 'runtime' && /\bGPUDevice\b/.test(file.text)) wrong.push(`${file.path} names GPUDevice`);
    }
    expect(wrong).toEqual([]);
  });
});
