/**
 * Models of the person that look at frames, for VBench's formulas: ONNX, told apart by their graphs. One picture in:
 * features. Two pictures in and two channels out: optical flow. Two in and three out: the frame between them. What they
 * were trained on nobody knows here, so every number by one bears its file's name.
 */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them

import { StudioError } from '../errors/StudioError';
import type { Folder } from '../library/Folder';
import type { Clip } from '../metrics/Clip';
import { resizedClip } from '../metrics/resizedClip';
import type { ScoreModels } from '../metrics/vbench/videoScores';
import { dataInputs } from '../onnx/graph';
import type { Dim, Model, ValueInfo } from '../onnx/model';
import type { PlainTensor, Runtime } from '../runtime/Runtime';
import { openGivenModel } from './givenModel';

/** What black and white are to the model, each channel shifted and scaled by the last two. */
export const frameRanges = ['0..1', '-1..1', '0..255', 'imagenet', 'clip'] as const;
export type FrameRange = (typeof frameRanges)[number];

/** mean and deviation of red, green and blue in 0..1, as torchvision and CLIP publish them. */
const STATISTICS: Readonly<Record<FrameRange, readonly [readonly number[], readonly number[]]>> = {
  '0..1': [
    [0, 0, 0],
    [1, 1, 1],
  ],
  '-1..1': [
    [0.5, 0.5, 0.5],
    [0.5, 0.5, 0.5],
  ],
  '0..255': [
    [0, 0, 0],
    [1 / 255, 1 / 255, 1 / 255],
  ],
  imagenet: [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ],
  clip: [
    [0.48145466, 0.4578275, 0.40821073],
    [0.26862954, 0.26130258, 0.27577711],
  ],
};

export interface FrameModel {
  readonly models: ScoreModels;
  release(): Promise<void>;
}

interface Signature {
  readonly kind: keyof ScoreModels;
  readonly pictures: readonly ValueInfo[];
  /** Of the place between two frames: one number, 0.5. */
  readonly time: ValueInfo | undefined;
  readonly output: ValueInfo;
  readonly height: number | null;
  readonly width: number | null;
}

/** `path` in `folder`. Throws `metrics/feature-model` where the graph is none of the three, and what reading and sessions throw. */
export async function openFrameModel(
  folder: Folder,
  path: string,
  runtime: Runtime,
  range: FrameRange,
): Promise<FrameModel> {
  const { signature, session } = await openGivenModel(folder, path, runtime, signatureOf);
  const { pictures, time, output } = signature;
  const run = async (clip: Clip, frames: readonly number[]): Promise<Float32Array> => {
    const half: PlainTensor = {
      dataType: 'float32',
      dims: (time?.type?.shape ?? []).map(() => 1),
      data: Float32Array.of(0.5),
    };
    const given = frames.map((frame, i) => [pictures[i]!.name, pictureOf(clip, frame, range)] as const);
    const outputs = await session.run({ ...Object.fromEntries(given), ...(time ? { [time.name]: half } : {}) }, [
      output.name,
    ]);
    const values = Float32Array.from(outputs[output.name]!.data as ArrayLike<number>);
    if (!values.every(Number.isFinite))
      throw new StudioError('engine/not-finite', `The model ${path} gave values that are not finite.`, { path });
    return values;
  };
  const name = `${path}, colours ${range}`;
  return { models: modelsOf(signature, name, run, range), release: () => session.release() };
}

function modelsOf(
  { kind, height, width }: Signature,
  name: string,
  run: (clip: Clip, frames: readonly number[]) => Promise<Float32Array>,
  range: FrameRange,
): ScoreModels {
  const sized = (clip: Clip) =>
    resizedClip(clip, { frameCount: clip.frameCount, height: height ?? clip.height, width: width ?? clip.width });
  if (kind === 'features')
    return {
      features: {
        name,
        async rowsOf(clip) {
          const own = sized(clip);
          const rows: Float32Array[] = [];
          for (let frame = 0; frame < own.frameCount; frame++) rows.push(await run(own, [frame]));
          return rows;
        },
      },
    };
  if (kind === 'flow')
    return {
      flow: {
        name,
        async between(clip, from, to) {
          const own = sized(clip);
          const values = await run(own, [from, to]);
          const area = own.width * own.height;
          // pixels of the clip, whatever size the model looks at
          const scaled = (start: number, factor: number) =>
            values.slice(start, start + area).map((value) => value * factor);
          const u = scaled(0, clip.width / own.width);
          return { width: own.width, height: own.height, u, v: scaled(area, clip.height / own.height) };
        },
      },
    };
  return {
    midpoint: {
      name,
      async of(clip, t) {
        const own = sized(clip);
        const values = await run(own, [t, t + 2]);
        const area = own.width * own.height;
        const [mean, deviation] = STATISTICS[range];
        const pixels = new Uint8ClampedArray(area * 4);
        for (let i = 0; i < area; i++)
          for (let c = 0; c < 3; c++) pixels[4 * i + c] = (values[c * area + i]! * deviation[c]! + mean[c]!) * 255;
        const one = { frameCount: 1, width: own.width, height: own.height, pixels };
        const { pixels: back } = resizedClip(one, { frameCount: 1, height: clip.height, width: clip.width });
        return Float32Array.from(
          { length: clip.width * clip.height * 3 },
          (_, i) => back[4 * Math.floor(i / 3) + (i % 3)]!,
        );
      },
    },
  };
}

function signatureOf({ graph }: Model, path: string): Signature {
  const inputs = dataInputs(graph);
  const pictures = inputs.filter(({ type }) => type?.shape?.length === 4 && type.shape[1] === 3);
  const others = inputs.filter((input) => !pictures.includes(input));
  const single = (shape: readonly Dim[] | null | undefined) =>
    (shape ?? []).every((dim) => dim === 1 || typeof dim === 'string');
  const fixed = (dim: Dim | undefined) => (typeof dim === 'number' && dim > 0 ? dim : null);
  const size = { height: fixed(pictures[0]?.type?.shape?.[2]), width: fixed(pictures[0]?.type?.shape?.[3]) };
  if (pictures.length === 1 && others.length === 0) {
    const output =
      graph.outputs.find(({ name }) => name === 'features') ??
      graph.outputs.find(({ type }) => type?.shape?.length === 2);
    if (output) return { kind: 'features', pictures, time: undefined, output, ...size };
  }
  if (pictures.length === 2 && others.length <= 1 && others.every(({ type }) => single(type?.shape))) {
    const maps = graph.outputs.filter(({ type }) => type?.shape?.length === 4);
    const output = maps.at(-1); // the finest of several comes last
    const kind = ({ 2: 'flow', 3: 'midpoint' } as const)[Number(output?.type?.shape?.[1]) as 2 | 3];
    if (output && kind) return { kind, pictures, time: others[0], output, ...size };
  }
  throw new StudioError(
    'metrics/feature-model',
    `${path} is none of the three: one picture [frames, 3, rows, columns] to two-dimensional features, or two pictures to a flow of two channels or a frame of three.`,
    { path },
  );
}

function pictureOf({ width, height, pixels }: Clip, frame: number, range: FrameRange): PlainTensor {
  const area = width * height;
  const [mean, deviation] = STATISTICS[range];
  const data = new Float32Array(3 * area);
  for (let i = 0, at = frame * area * 4; i < area; i++, at += 4)
    for (let c = 0; c < 3; c++) data[c * area + i] = (pixels[at + c]! / 255 - mean[c]!) / deviation[c]!;
  return { dataType: 'float32', dims: [1, 3, height, width], data };
}
