/** What onnxruntime-node computes on: names alone, so that a command's arguments are read without loading the runtime. */
export const nodeDevices = ['cpu', 'webgpu', 'cuda'] as const;

export type NodeDevice = (typeof nodeDevices)[number];
