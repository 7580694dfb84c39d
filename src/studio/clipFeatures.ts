/**
 * Features of clips by a model that the person gives: ONNX, a clip in, one row of numbers out. Where colour stands and
 * how many frames of what size it takes is read from its graph; nothing is known of what it was trained on, so that
 * every number by it bears its name.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them

import { StudioError } from '../errors/StudioError';
import type { Folder } from '../library/Folder';
import type { Clip } from '../metrics/Clip';
import { resizedClip } from '../metrics/resizedClip';
import { dataInputs } from '../onnx/graph';
import type { Dim, Model, ValueInfo } from '../onnx/model';
import type { PlainTensor, Runtime } from '../runtime/Runtime';
import type { FeatureRange } from './featureData';
import { openGivenModel } from './givenModel';

export interface FeatureModel {
  readonly name: string;
  /** What its graph says it takes, for people. */
  readonly about: string;
  /** One row. Throws `engine/run-failed`, `engine/not-finite`. */
  featuresOf(clip: Clip): Promise<Float64Array>;
  release(): Promise<void>;
}

/** Order of a clip's dimensions after the batch. */
type Layout = 'TCHW' | 'CTHW' | 'THWC';

interface Signature {
  readonly input: ValueInfo;
  readonly output: ValueInfo;
  readonly layout: Layout;
  readonly frames: number | null;
  readonly height: number | null;
  readonly width: number | null;
}

/** `path` in `folder`. Throws `metrics/feature-model` where the graph is none, and what reading and sessions throw. */
export async function openFeatureModel(
  folder: Folder,
  path: string,
  runtime: Runtime,
  range: FeatureRange,
): Promise<FeatureModel> {
  const { signature, session } = await openGivenModel(folder, path, runtime, signatureOf);
  const { input, output, layout, frames, height, width } = signature;
  const size = width === null && height === null ? 'any size' : `${width ?? 'any'}x${height ?? 'any'}`;
  return {
    name: path,
    about: `${layout}, ${frames ?? 'any number of'} frames of ${size}, colours ${range}`,
    featuresOf: async (clip) => {
      const sized = resizedClip(clip, {
        frameCount: frames ?? clip.frameCount,
        height: height ?? clip.height,
        width: width ?? clip.width,
      });
      const outputs = await session.run({ [input.name]: tensorOf(sized, layout, range) }, [output.name]);
      const row = Float64Array.from(outputs[output.name]!.data as ArrayLike<number>);
      if (!row.every(Number.isFinite))
        throw new StudioError('engine/not-finite', `The feature model ${path} gave values that are not finite.`, {
          path,
        });
      return row;
    },
    release: () => session.release(),
  };
}

function signatureOf({ graph }: Model, path: string): Signature {
  const inputs = dataInputs(graph);
  const [input] = inputs;
  const dims = input?.type?.shape;
  if (inputs.length !== 1 || dims?.length !== 5 || input?.type?.dataType !== 'float32')
    throw notFeatures(
      path,
      'it should have one float32 input of five dimensions: clips, frames, colours, rows, columns',
    );
  const layout = layoutOf(dims);
  if (!layout) throw notFeatures(path, 'none of its input’s dimensions is 3, the colours');
  const output = graph.outputs.find(({ name }) => name === 'features') ?? onlyRow(graph.outputs);
  if (!output) throw notFeatures(path, 'it should have an output "features", or one alone of two dimensions');
  const at = (letter: string) => dims[1 + layout.indexOf(letter)];
  const fixed = (dim: Dim | undefined) => (typeof dim === 'number' && dim > 0 ? dim : null);
  return { input, output, layout, frames: fixed(at('T')), height: fixed(at('H')), width: fixed(at('W')) };
}

function layoutOf(dims: readonly Dim[]): Layout | null {
  if (dims[2] === 3) return 'TCHW';
  if (dims[1] === 3) return 'CTHW';
  return dims[4] === 3 ? 'THWC' : null;
}

function onlyRow(outputs: readonly ValueInfo[]): ValueInfo | undefined {
  const rows = outputs.filter(({ type }) => type?.shape?.length === 2);
  return rows.length === 1 ? rows[0] : undefined;
}

function notFeatures(path: string, why: string): StudioError {
  return new StudioError('metrics/feature-model', `${path} gives no features of clips: ${why}.`, { path });
}

function tensorOf({ frameCount, height, width, pixels }: Clip, layout: Layout, range: FeatureRange): PlainTensor {
  const sizes: Readonly<Record<string, number>> = { T: frameCount, C: 3, H: height, W: width };
  const letters = [...layout];
  const stride = (letter: string) =>
    letters.slice(letters.indexOf(letter) + 1).reduce((product, other) => product * sizes[other]!, 1);
  const [perFrame, perColour, perRow, perColumn] = ['T', 'C', 'H', 'W'].map(stride) as [number, number, number, number];
  const [scale, shift] = { '-1..1': [2 / 255, -1], '0..1': [1 / 255, 0], '0..255': [1, 0] }[range] as [number, number];
  const data = new Float32Array(frameCount * 3 * height * width);
  for (let t = 0, from = 0; t < frameCount; t++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, from += 4) {
        const to = t * perFrame + y * perRow + x * perColumn;
        for (let c = 0; c < 3; c++) data[to + c * perColour] = pixels[from + c]! * scale + shift;
      }
    }
  }
  return { dataType: 'float32', dims: [1, ...letters.map((letter) => sizes[letter]!)], data };
}
