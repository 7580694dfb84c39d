/** What a training graph carries from step to step: flat tensors that stay on the device, read and written as plain ones. */
import { present } from '../../errors/present';
import { nextOf, stateInputs } from '../../passes/training/trainingStep';
import type { DeviceTensor, PlainTensor } from '../../runtime/Runtime';
import { floatValues } from '../../runtime/tensors';

type StatePart = (typeof stateInputs)[number];
/** Flat tensors of all trained weights, and the number of updates. */
export type TrainingState = Readonly<Record<StatePart, Float32Array>>;

type Held = Record<StatePart, PlainTensor | DeviceTensor>;

export const scalar = (value: number): PlainTensor => ({
  dataType: 'float32',
  dims: [],
  data: Float32Array.of(value),
});
export const vector = (data: Float32Array): PlainTensor => ({ dataType: 'float32', dims: [data.length], data });

export class HeldState {
  /** Inputs of the next step. */
  held: Held;

  constructor(weights: Float32Array) {
    this.held = beginning(weights);
  }

  static readonly outputs: readonly string[] = stateInputs.map(nextOf);

  /** The outputs of a step take the place of its inputs. */
  replace(next: Readonly<Record<string, DeviceTensor>>): void {
    this.change(heldOf((part) => present(next[nextOf(part)])));
  }

  /** Starts anew from other weights: moments and the number of updates at nothing. */
  restart(weights: Float32Array): void {
    this.change(beginning(weights));
  }

  /** A copy. */
  async read(): Promise<TrainingState> {
    const entries: [StatePart, Float32Array][] = [];
    for (const part of stateInputs) entries.push([part, await valuesOf(this.held[part])]);
    return Object.fromEntries(entries) as Record<StatePart, Float32Array>;
  }

  /** A copy. */
  readPart = (part: StatePart): Promise<Float32Array> => valuesOf(this.held[part]);

  write(state: TrainingState): void {
    this.change(heldOf((part) => (part === 'step' ? scalar(present(state.step[0])) : vector(state[part]))));
  }

  dispose(): void {
    Object.values(this.held).forEach(dispose);
  }

  private change(next: Held): void {
    this.dispose();
    this.held = next;
  }
}

const heldOf = (part: (name: StatePart) => PlainTensor | DeviceTensor): Held =>
  Object.fromEntries(stateInputs.map((name) => [name, part(name)])) as Held;

/** Before the first update. */
function beginning(weights: Float32Array): Held {
  const zeros = () => vector(new Float32Array(weights.length));
  return { parameters: vector(weights), average: vector(weights.slice()), m: zeros(), v: zeros(), step: scalar(0) };
}

export function dispose(tensor: PlainTensor | DeviceTensor): void {
  if ('dispose' in tensor) tensor.dispose();
}

async function valuesOf(tensor: PlainTensor | DeviceTensor): Promise<Float32Array> {
  return 'read' in tensor ? floatValues(await tensor.read()) : floatValues(tensor).slice();
}

export function numbersOf(plain: Readonly<Record<string, PlainTensor>>): Record<string, number> {
  return Object.fromEntries(Object.entries(plain).map(([name, tensor]) => [name, present(floatValues(tensor)[0])]));
}

export function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
