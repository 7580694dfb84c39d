/**
 * Tells of every pipeline that is made on a device and of every piece of work that it is given or has done: inside a call
 * into the runtime they are the only sign from outside that it gets on. A slow device is given all of its work long before
 * it ends: there only what is done tells it from one that hangs. Changes nothing of what is asked.
 */
export function tellCommands(device: GPUDevice, onCommand: () => void): void {
  const { queue } = device;
  const submit = queue.submit.bind(queue);
  queue.submit = (buffers) => {
    onCommand();
    const submitted = submit(buffers);
    queue.onSubmittedWorkDone().then(onCommand, () => undefined); // a lost device is told elsewhere
    return submitted;
  };
  const makePipeline = device.createComputePipeline.bind(device);
  device.createComputePipeline = (descriptor) => {
    onCommand();
    return makePipeline(descriptor);
  };
  const makePipelineLater = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = (descriptor) => {
    onCommand();
    return makePipelineLater(descriptor);
  };
}
