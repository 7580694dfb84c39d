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
  submit(buffers: unknown): unknown {
    return [this, buffers];
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
