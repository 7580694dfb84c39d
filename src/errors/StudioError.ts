/**
 * The one error class of the studio. A code says what went wrong, `facts` say about what, and one exhaustive
 * table turns both into a sentence with a remedy. Survives `postMessage` through `toPlain` and `fromPlain`.
 * Abort is not a failure: a cancelled job rejects with an `AbortError` DOMException, never with a StudioError.
 */

export type ErrorCode =
  // onnx: reading and writing files
  | 'onnx/not-onnx' // the bytes are not an ONNX ModelProto
  | 'onnx/truncated' // the file ends in the middle of a field
  | 'onnx/invalid-graph' // cycle, duplicate name, dangling input, no graph, no outputs
  | 'onnx/invalid-tensor' // data length does not fit shape and type, unknown data type, negative dimension
  | 'onnx/missing-opset' // no opset import for the default domain
  | 'onnx/unsupported' // valid ONNX that the studio does not handle (sparse tensors on a path that matters, ...)
  | 'onnx/missing-external-data' // a weights file that the graph names was not given
  | 'onnx/external-data-range' // offset and length lie outside the weights file
  | 'onnx/unsafe-location' // external data location is absolute or leaves the folder
  | 'onnx/file-changed' // a file changed or went away while it was open
  | 'onnx/too-large' // more bytes than one protobuf file may hold
  // blocks and passes
  | 'blocks/unknown-id' // a plan names a block that this model does not have
  | 'blocks/not-droppable'
  | 'blocks/no-latent-input' // no input can be told to be the latent
  | 'blocks/unknown-preset'
  | 'passes/unknown-value'
  | 'passes/unbound-size' // a graph whose sizes must be known has one that is free
  | 'passes/no-gradient' // an operator between the weights and the loss has no gradient rule
  | 'passes/nothing-to-train' // no weight of that name, or none that the loss depends on
  // library: where models come from
  | 'library/no-model' // nothing in the dropped files is a model
  | 'library/not-a-denoiser' // a graph of a pipeline, but another part of it
  | 'library/missing-file'
  | 'library/read-failed' // a file is there and cannot be read
  | 'library/invalid-config' // model_index.json and friends
  | 'library/unsupported-scheduler'
  | 'library/fetch-failed'
  | 'library/fetch-broken' // the connection broke half way; what came is kept and the download can go on
  | 'library/quota'
  | 'library/write-refused' // the browser or the person does not let the page write to a picked place
  | 'library/write-failed' // a picked place is gone, locked or write-protected, or reads back otherwise
  | 'library/integrity' // a cached or fetched file does not match its hash
  // engine
  | 'engine/session-failed' // the runtime refused the graph
  | 'engine/unsupported-op'
  | 'engine/run-failed'
  | 'engine/not-finite' // NaN or Inf in an output
  | 'engine/self-test-failed'
  | 'engine/verification-failed' // an exported file does not reproduce the preview
  | 'engine/cannot-run' // the model was opened without sessions: too large, or refused by the runtime
  | 'engine/no-pipeline' // a job needs an opened pipeline
  | 'engine/other-pipeline' // a job was made for a pipeline that is not the open one any more
  | 'engine/no-weights' // a student's weights are not loaded, or do not fit the model
  | 'engine/stopped' // the worker died or hung, and was started again
  | 'gpu/lost'
  | 'gpu/unavailable'
  | 'gpu/out-of-memory'
  // metrics
  | 'metrics/too-few-clips' // a distance of distributions from fewer clips than it means anything for
  | 'metrics/feature-model' // a graph that gives no features of clips
  // command line
  | 'cli/usage'
  | 'internal'; // a defect of ours; never thrown on purpose for bad input

export type ErrorFacts = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly facts: ErrorFacts;
}

export class StudioError extends Error {
  override readonly name = 'StudioError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly facts: ErrorFacts = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }

  toPlain(): PlainError {
    return { code: this.code, message: this.message, facts: this.facts };
  }

  static fromPlain(plain: PlainError): StudioError {
    return new StudioError(plain.code, plain.message, plain.facts);
  }

  /** Wraps anything thrown: a StudioError passes through, the rest becomes `internal` with its cause kept. */
  static from(thrown: unknown): StudioError {
    if (thrown instanceof StudioError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new StudioError('internal', message, {}, { cause: thrown });
  }
}
