/**
 * What to tell people: one sentence and one remedy for every error code. The error's own message says about which
 * file or block; this table says what that means and what to do. Exhaustive by type: a new code needs an entry.
 */
import type { ErrorCode, PlainError } from './StudioError';

export interface Explanation {
  /** What happened, in general. */
  readonly sentence: string;
  /** What the person can do now. */
  readonly remedy: string;
}

const remedies: Readonly<Record<ErrorCode, Explanation>> = {
  'onnx/not-onnx': {
    sentence: 'This file is not an ONNX model.',
    remedy:
      'Choose the .onnx file that your exporter wrote; weights files (.onnx_data, .bin, .safetensors) go along with it, not alone.',
  },
  'onnx/truncated': {
    sentence: 'The file ends too early.',
    remedy:
      'It was probably not copied or downloaded completely. Fetch it again and compare its size with the original.',
  },
  'onnx/file-changed': {
    sentence: 'A file is not what it was when it was opened.',
    remedy: 'Open the model again; leave its files unchanged until what is exported from them is downloaded.',
  },
  'onnx/invalid-graph': {
    sentence: 'The graph in this file contradicts itself.',
    remedy: 'Run onnx.checker.check_model on it and export it again.',
  },
  'onnx/invalid-tensor': {
    sentence: 'A tensor in this file does not have the bytes that its shape needs.',
    remedy: 'The file is damaged or was written by a faulty tool. Export it again.',
  },
  'onnx/missing-opset': {
    sentence: 'The file does not say which ONNX version its operators follow.',
    remedy: 'Export it again, or add an opset import for the default domain.',
  },
  'onnx/unsupported': {
    sentence: 'The file is valid ONNX but uses something that this studio does not handle.',
    remedy: 'Export it without that feature; the message names it.',
  },
  'onnx/missing-external-data': {
    sentence: 'The model keeps its weights in a separate file that is not here.',
    remedy: 'Drop the .onnx file together with its weights file, or the whole folder.',
  },
  'onnx/external-data-range': {
    sentence: 'The graph points beyond the end of its weights file.',
    remedy: 'Graph and weights file do not belong together, or the weights file is incomplete. Fetch both again.',
  },
  'onnx/unsafe-location': {
    sentence: 'The model names a weights file outside its own folder.',
    remedy: 'For safety that is not followed. Export it again with the weights file beside the graph.',
  },
  'onnx/too-large': {
    sentence: 'This is more than one .onnx file can hold.',
    remedy: 'Choose the format with external data.',
  },
  'blocks/unknown-id': {
    sentence: 'The plan names a block that this model does not have.',
    remedy: 'The plan was made for another model. Open that one, or make a new plan.',
  },
  'blocks/not-droppable': {
    sentence: 'The plan drops a block that cannot go.',
    remedy: 'Leave that block on; its cell in the map says why it cannot go.',
  },
  'blocks/no-latent-input': {
    sentence: 'No input of this model looks like the latent of a video.',
    remedy: 'The denoiser is needed (unet or transformer), not the text encoder or the VAE.',
  },
  'blocks/unknown-preset': {
    sentence: 'This model has no such preset.',
    remedy: 'Choose one of the presets in the map.',
  },
  'passes/unknown-value': {
    sentence: 'The graph has no value of that name.',
    remedy: 'Check the name against the block list of this model.',
  },
  'passes/unbound-size': {
    sentence: 'A size that must be known is left free by this graph.',
    remedy: 'Give it: --bind NAME=SIZE on the command line, --latent-size for frames, height and width.',
  },
  'passes/no-gradient': {
    sentence: 'This graph has an operator that the studio cannot differentiate.',
    remedy: 'Choose weights behind that operator, or export the model in fp32 without fusing or quantising it.',
  },
  'passes/nothing-to-train': {
    sentence: 'No weight of this graph answers to that choice, or the output does not depend on any.',
    remedy: 'Compare the pattern with the names of the weights; without a pattern all of them are taken.',
  },
  'library/no-model': {
    sentence: 'There is no model in what was given.',
    remedy: 'Give a pipeline folder (with model_index.json) or a denoiser’s .onnx file.',
  },
  'library/not-a-denoiser': {
    sentence: 'The studio prunes and samples the denoiser of a pipeline, and this is another part of one.',
    remedy:
      'Open the pipeline’s whole folder, or the .onnx file in its folder unet or transformer; in the page also this file alone, for its blocks, plans and exports.',
  },
  'library/missing-file': {
    sentence: 'A file of the pipeline is missing.',
    remedy: 'Give the whole folder as it was exported.',
  },
  'library/read-failed': {
    sentence: 'A file is there, but cannot be read.',
    remedy: 'See that you may read it and that its disk works; the message says what the system said.',
  },
  'library/invalid-config': {
    sentence: 'A configuration file cannot be understood.',
    remedy: 'Compare it with a fresh export; the message names the file.',
  },
  'library/unsupported-scheduler': {
    sentence: 'The folder asks for a scheduler that this studio does not have.',
    remedy:
      'Change scheduler/scheduler_config.json to DDIMScheduler or FlowMatchEulerDiscreteScheduler, whichever the model was trained for.',
  },
  'library/fetch-failed': {
    sentence: 'A file could not be fetched.',
    remedy:
      'Check the address and the connection; the server must allow other pages to read it (CORS). Or download it and drop it here.',
  },
  'library/fetch-broken': {
    sentence: 'The connection broke in the middle of a download.',
    remedy: 'What came is kept in this browser: open the same address again and the download goes on from there.',
  },
  'library/quota': {
    sentence: 'There is no room left for this.',
    remedy: 'Free some disk space or delete cached models, then try again.',
  },
  'library/write-refused': {
    sentence: 'This page may not write to the chosen place.',
    remedy:
      'Choose it again and allow the page to save there when the browser asks, choose another place, or export to a download.',
  },
  'library/write-failed': {
    sentence: 'The file could not be written to the chosen place.',
    remedy:
      'See that the place is still there, is not write-protected and no other program holds the file; or choose another one.',
  },
  'library/integrity': {
    sentence: 'A file is not the one it should be.',
    remedy: 'Its hash does not match: fetch it again.',
  },
  'engine/session-failed': {
    sentence: 'The runtime refuses this graph.',
    remedy:
      'The message says where. Export the model in fp32 with a common opset (17 to 21), or try the other backend in the badge at the top.',
  },
  'engine/unsupported-op': {
    sentence: 'The model uses an operator that the runtime does not have.',
    remedy:
      'Export it without that operator; the message names it. Its blocks can be mapped and its students exported all the same, here without clips or with the command line (vdmini blocks, vdmini prune).',
  },
  'engine/run-failed': {
    sentence: 'The runtime failed in the middle of a step.',
    remedy:
      'Try again, or choose WASM in the badge at the top. A graph with free axes may run only at the sizes it was traced with: set them under Size beside the model (--latent-size on the command line).',
  },
  'engine/not-finite': {
    sentence: 'The model gives values that are no numbers (NaN or Inf).',
    remedy:
      'A weight of the named block may be damaged, or 16 bits do not hold its values: compare the file with its source, export it in fp32, or choose WASM in the badge at the top.',
  },
  'engine/self-test-failed': {
    sentence: 'This backend computes wrong numbers for this model.',
    remedy: 'Choose WASM in the badge at the top; it is the reference.',
  },
  'engine/verification-failed': {
    sentence: 'The exported file does not reproduce the preview, so it is not offered.',
    remedy: 'Try WASM in the badge at the top and export again. If it stays, please report it with the plan.',
  },
  'engine/cannot-run': {
    sentence: 'The model does not run here.',
    remedy: 'Plan and export it here all the same; make clips with the command line (vdmini generate, vdmini compare).',
  },
  'engine/no-pipeline': {
    sentence: 'No model is open.',
    remedy: 'Open one first.',
  },
  'engine/other-pipeline': {
    sentence: 'Another model was opened meanwhile.',
    remedy: 'Run it again on the model that is open now.',
  },
  'engine/no-weights': {
    sentence: 'The weights of this student are not there, or belong to another model.',
    remedy: 'Open the model that they were made for, or make the student again.',
  },
  'engine/stopped': {
    sentence: 'The engine stopped answering and was started again.',
    remedy:
      'Your plan and settings were kept: run it again. If it keeps happening, the model may need more memory than this tab has.',
  },
  'gpu/lost': {
    sentence: 'The GPU device was lost.',
    remedy: 'It is being remade; run again. If it keeps happening, choose WASM in the badge at the top.',
  },
  'gpu/unavailable': {
    sentence: 'WebGPU is not available here.',
    remedy: 'Choose Automatic or WASM in the badge at the top, or use a browser with WebGPU.',
  },
  'gpu/out-of-memory': {
    sentence: 'The model does not fit into this GPU’s memory.',
    remedy: 'Close other tabs, use a smaller model or fp16 weights, or choose WASM in the badge at the top.',
  },
  'metrics/too-few-clips': {
    sentence: 'There are too few clips for this figure.',
    remedy:
      'Give more prompts and seeds (--prompts FILE, --seeds N), or read MMD, which means something for few clips.',
  },
  'metrics/feature-model': {
    sentence: 'This graph gives no features of clips.',
    remedy:
      'Give an ONNX file with one float32 input [clips, frames, 3, rows, columns] (or colours first or last) and an output "features".',
  },
  'cli/usage': {
    sentence: 'The command was not understood.',
    remedy: 'Run it with --help to see how it is used.',
  },
  internal: {
    sentence: 'Something went wrong in the studio itself.',
    remedy: 'Reload the page; plan and settings are kept. Please report the message below.',
  },
};

export function explain(error: Pick<PlainError, 'code'>): Explanation {
  return remedies[error.code];
}
