/** A denoiser without anything between its layers: what a dropped block did, the others can learn exactly. For tests. */
import type { Model } from '../../../onnx/model';
import { buildModel, type GraphBuilder } from '../../../onnx/testing/buildModel';

/** Channels besides the latent's four: of a picture in the input, of a variance in the output. */
interface OtherChannels {
  readonly picture?: number;
  readonly variance?: number;
}

/** conv_in, two blocks x + conv(x), conv_out; all 1x1, nothing between them. What the latent does is the same beside a picture. */
export function linearDenoiser(batch: number | string, { picture = 0, variance = 0 }: OtherChannels = {}): Model {
  return buildModel(
    (b) => {
      const clip = (channels: number) => [batch, channels, 4, 8, 8];
      const sample = b.input('sample', clip(4 + picture));
      b.input('timestep', [batch]);
      const conv = (x: string, path: string, weight: string, named: { outputs?: readonly string[] } = {}) =>
        b.op('Conv', [x, weight], {}, { name: `/${path.replaceAll('.', '/')}/Conv`, ...named });
      const square = (path: string) => b.weight(`${path}.weight`, [4, 4, 1, 1, 1]);
      let x = conv(sample, 'conv_in', picture === 0 ? square('conv_in') : besidePicture(picture, b.weight));
      for (const path of ['blocks.0', 'blocks.1'])
        x = b.op('Add', [x, conv(x, path, square(path))], {}, { name: `/${path}/Add` });
      conv(x, 'conv_out', b.weight('conv_out.weight', [4 + variance, 4, 1, 1, 1]), { outputs: ['out_sample'] });
      b.output('out_sample', clip(4 + variance));
    },
    { opset: 18 },
  );
}

/** conv_in's weight with columns for a picture behind those that it has without. */
function besidePicture(channels: number, weight: GraphBuilder['weight']): string {
  const { data } = linearDenoiser(1).graph.initializers.get('conv_in.weight')!;
  const square = new Float32Array(data.kind === 'inline' ? data.bytes.slice().buffer : []);
  const rows = [0, 1, 2, 3].flatMap((row) => [
    ...square.subarray(4 * row, 4 * row + 4),
    ...new Array<number>(channels).fill(0.3),
  ]);
  return weight('conv_in.weight', [4, 4 + channels, 1, 1, 1], rows);
}
