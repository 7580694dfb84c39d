/** What is going on while a pipeline opens. */

export interface OpenProgress {
  readonly phase: 'fetch' | 'parse' | 'discover' | 'session' | 'self-test';
  readonly what: string; // 'unet/model.onnx'
  readonly loadedBytes: number;
  readonly totalBytes: number; // 0: unknown
}
