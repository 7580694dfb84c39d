/** What Resize does along one axis, as a matrix: nearest and linear, in the coordinate modes that exporters write. */
// biome-ignore-all lint/style/noNonNullAssertion: indices of loops over typed arrays, which stay within them
import { floatsAttribute, textAttribute } from '../../../onnx/shapes/OpCall';
import type { LoweringCall } from '../Rule';

export interface Interpolation {
  /** Each pixel repeated a whole number of times, or anything else. */
  readonly kind: 'copies' | 'matrix';
  /** [from, to], row-major. */
  readonly weights: readonly number[];
}

/** undefined for a mode that is not handled. */
export function interpolation(call: LoweringCall, axis: number, from: number, to: number): Interpolation | undefined {
  const { node } = call;
  const mode = textAttribute(node, 'mode', 'nearest');
  const coordinates = coordinatesOf(call, axis, from, to);
  if (!coordinates || (mode !== 'nearest' && mode !== 'linear')) return undefined;
  const weights = new Array<number>(from * to).fill(0);
  const nearest: number[] = [];
  coordinates.forEach((at, column) => {
    if (mode === 'nearest') {
      const row = clamp(rounded(at, textAttribute(node, 'nearest_mode', 'round_prefer_floor')), from);
      nearest.push(row);
      weights[row * to + column]! += 1;
      return;
    }
    const low = Math.floor(at);
    weights[clamp(low, from) * to + column]! += 1 - (at - low);
    weights[clamp(low + 1, from) * to + column]! += at - low;
  });
  const factor = to / from;
  const copies =
    mode === 'nearest' && Number.isInteger(factor) && nearest.every((row, i) => row === Math.floor(i / factor));
  return { kind: copies ? 'copies' : 'matrix', weights };
}

const clamp = (at: number, length: number): number => Math.min(Math.max(at, 0), length - 1);

function rounded(at: number, mode: string): number {
  switch (mode) {
    case 'floor':
      return Math.floor(at);
    case 'ceil':
      return Math.ceil(at);
    case 'round_prefer_ceil':
      return Math.floor(at + 0.5);
    default:
      return Math.ceil(at - 0.5);
  }
}

/** For each result pixel its place in the source. */
function coordinatesOf(
  { node, inputs, numbers }: LoweringCall,
  axis: number,
  from: number,
  to: number,
): readonly number[] | undefined {
  const given = numbers(inputs[2] ?? '') ?? floatsAttribute(node, 'scales');
  const scale = (given?.length ? given[axis] : undefined) ?? to / from;
  const at = (i: number): number | undefined => {
    switch (textAttribute(node, 'coordinate_transformation_mode', 'half_pixel')) {
      case 'asymmetric':
        return i / scale;
      case 'half_pixel':
        return (i + 0.5) / scale - 0.5;
      case 'pytorch_half_pixel':
        return to > 1 ? (i + 0.5) / scale - 0.5 : 0;
      case 'align_corners':
        return to > 1 ? (i * (from - 1)) / (to - 1) : 0;
      default:
        return undefined;
    }
  };
  const places = Array.from({ length: to }, (_, i) => at(i));
  return places.every((place) => place !== undefined) ? places : undefined;
}
