/** Where every live tensor goes in a new weights file. Ranges that tensors share, or that overlap, are kept once. */
import { StudioError } from '../../errors/StudioError';
import type { ByteSource } from '../ByteSource';
import type { Tensor } from '../model';

/** A range of an old file, or bytes in memory, that becomes a range of the new file. */
export interface Segment {
  readonly from: { readonly source: ByteSource; readonly offsetBytes: number } | { readonly bytes: Uint8Array };
  readonly lengthBytes: number;
  /** In the new file; segments are in this order and do not overlap. */
  readonly offsetBytes: number;
}

export interface SegmentPlan {
  /** Tensor -> offset in the new file. */
  readonly offsets: ReadonlyMap<Tensor, number>;
  readonly segments: readonly Segment[];
  readonly sizeBytes: number;
}

/** Large tensors begin on a page, so that a runtime can map them; small ones on a cache line. */
const alignmentOf = (lengthBytes: number): number => (lengthBytes >= 65536 ? 4096 : 64);

/** A stretch of one file whose ranges overlap, or one tensor in memory, with the tensors inside it. */
interface Stretch {
  readonly from: { readonly source: ByteSource; readonly offsetBytes: number } | { readonly bytes: Uint8Array };
  lengthBytes: number;
  readonly tensors: { readonly tensor: Tensor; readonly atBytes: number }[];
}

/** Keeps the order of the old files, so that they are read from start to end. Every location must have a source. */
export function planSegments(tensors: readonly Tensor[], sources: ReadonlyMap<string, ByteSource>): SegmentPlan {
  const offsets = new Map<Tensor, number>();
  const segments: Segment[] = [];
  let sizeBytes = 0;
  for (const { from, lengthBytes, tensors: inside } of [
    ...externalStretches(tensors, sources),
    ...inlineStretches(tensors),
  ]) {
    const alignment = alignmentOf(lengthBytes);
    const offsetBytes = Math.ceil(sizeBytes / alignment) * alignment;
    for (const { tensor, atBytes } of inside) offsets.set(tensor, offsetBytes + atBytes);
    if (lengthBytes === 0) continue;
    segments.push({ from, lengthBytes, offsetBytes });
    sizeBytes = offsetBytes + lengthBytes;
  }
  return { offsets, segments, sizeBytes };
}

function externalStretches(tensors: readonly Tensor[], sources: ReadonlyMap<string, ByteSource>): readonly Stretch[] {
  const byLocation = new Map<string, { readonly tensor: Tensor; readonly start: number; readonly length: number }[]>();
  for (const tensor of tensors) {
    const { data } = tensor;
    if (data.kind !== 'external') continue;
    const list = byLocation.get(data.location) ?? [];
    list.push({ tensor, start: data.offsetBytes, length: data.lengthBytes });
    byLocation.set(data.location, list);
  }
  return [...byLocation].flatMap(([location, ranges]) => {
    const source = sources.get(location);
    if (!source)
      throw new StudioError('onnx/missing-external-data', `The weights file ${location} is not there.`, {
        missing: [location],
      });
    const stretches: Stretch[] = [];
    let end = -1;
    for (const { tensor, start, length } of ranges.sort((a, b) => a.start - b.start || b.length - a.length)) {
      const open = stretches.at(-1);
      if (open && start < end) {
        const atBytes = start - (open.from as { offsetBytes: number }).offsetBytes;
        open.tensors.push({ tensor, atBytes });
        open.lengthBytes = Math.max(open.lengthBytes, atBytes + length);
      } else {
        stretches.push({
          from: { source, offsetBytes: start },
          lengthBytes: length,
          tensors: [{ tensor, atBytes: 0 }],
        });
      }
      end = Math.max(end, start + length);
    }
    return stretches;
  });
}

/** Tensors over the same memory share their bytes. */
function inlineStretches(tensors: readonly Tensor[]): readonly Stretch[] {
  const stretches: Stretch[] = [];
  const byBytes = new Map<Uint8Array, Stretch>();
  for (const tensor of tensors) {
    if (tensor.data.kind !== 'inline') continue;
    const { bytes } = tensor.data;
    const known = byBytes.get(bytes);
    if (known) known.tensors.push({ tensor, atBytes: 0 });
    else {
      const stretch: Stretch = { from: { bytes }, lengthBytes: bytes.length, tensors: [{ tensor, atBytes: 0 }] };
      byBytes.set(bytes, stretch);
      stretches.push(stretch);
    }
  }
  return stretches;
}
