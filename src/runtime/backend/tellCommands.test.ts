/** What is asked of a device passes unchanged, and is told. The device is none. */
import { expect, it } from 'vitest';
import { tellCommands } from './tellCommands';

/** It answers with its own name and what it was given, and knows whose method was called. */
class FakeDevice {
  readonly queue = new FakeQueue();
  createComputePipeline(descriptor: unknown): unknown {
    return [this, 'pipeline', descriptor];
  }
  async createComputePipelineAsync(descriptor: unknown): Promise<unknown> {
    return [this, 'later', descriptor];
  }
}
class FakeQueue {
  /** Ends the work that was given up to now, or loses the device. */
  readonly given: { done(): void; lost(): void }[] = [];
  private submitted: unknown;
  submit(buffers: unknown): unknown {
    this.submitted = buffers;
    return [this, buffers];
  }
  onSubmittedWorkDone(): Promise<undefined> {
    if (this.submitted === undefined) throw new Error('asked before there was work');
    return new Promise((resolve, reject) => {
      this.given.push({ done: () => resolve(undefined), lost: () => reject(new Error('lost')) });
    });
  }
}

it('tells of pipelines and of work, before they are asked for', async () => {
  const device = new FakeDevice();
  let told = 0;
  tellCommands(device as unknown as GPUDevice, () => void told++);
  expect(told).toBe(0);
  expect(device.createComputePipeline('a')).toEqual([device, 'pipeline', 'a']);
  expect(told).toBe(1);
  await expect(device.createComputePipelineAsync('b')).resolves.toEqual([device, 'later', 'b']);
  expect(told).toBe(2);
  expect(device.queue.submit(['c'])).toEqual([device.queue, ['c']]);
  expect(told).toBe(3);
});

it('tells of each piece of work that is done, when it is, and bears a lost device', async () => {
  const { queue, ...device } = new FakeDevice();
  const methods = { createComputePipeline() {}, createComputePipelineAsync() {} };
  let told = 0;
  tellCommands({ ...device, ...methods, queue } as unknown as GPUDevice, () => void told++);
  queue.submit(['a']);
  queue.submit(['b']);
  expect(told).toBe(2);
  await Promise.resolve();
  expect(told).toBe(2);
  queue.given[0]!.done();
  await Promise.resolve();
  expect(told).toBe(3);
  queue.given[1]!.lost();
  await new Promise((after) => setTimeout(after));
  expect(told).toBe(3);
});
