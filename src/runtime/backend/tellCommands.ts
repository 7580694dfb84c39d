/**
 * Tells of every pipeline that is made on a device and of every piece of work that it is given: inside a call into the
 * runtime they are the only sign from outside that it gets on. Changes nothing of what is asked.
 */
export function tellCommands(device: GPUDevice, onCommand: () => void): void {
  const { queue } = device;
  const submit = queue.submit.bind(queue);
  queue.submit = (buffers) => {
    onCommand();
    return submit(buffers);
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
