/** The blocks of a pipeline's decoder, found as a denoiser's are; under short ids, as plans of the pipeline name them. */

import type { BlockTree } from '../blocks/block';
import { denoiserTypes } from '../blocks/denoiserTypes';
import { discoverBlocks } from '../blocks/discoverBlocks';
import { withoutModule } from '../blocks/shortIds';
import { present } from '../errors/present';
import { StudioError } from '../errors/StudioError';
import { dataInputs } from '../onnx/graph';
import type { Model, TensorType } from '../onnx/model';
import { decoderBindings } from '../pipeline/frameDecoder';
import type { PipelineDescription } from '../pipeline/PipelineDescription';

export interface DecoderBlocks {
  readonly tree: BlockTree;
  readonly types: ReadonlyMap<string, TensorType>;
  /** Symbolic dimension -> size at which it is called. */
  readonly bindings: ReadonlyMap<string, number>;
}

/** Undefined where they cannot be told: that is no reason to refuse the pipeline. */
export function decoderBlocks(model: Model, description: PipelineDescription): DecoderBlocks | undefined {
  try {
    const bindings = decoderBindings(model, description);
    const latentInput = present(dataInputs(model.graph)[0]).name;
    const types = denoiserTypes(model, bindings);
    return {
      tree: withoutModule(discoverBlocks(model, { bindings, types, latentInput }), 'decoder'),
      types,
      bindings,
    };
  } catch (thrown) {
    if (thrown instanceof StudioError && thrown.code !== 'internal') return undefined;
    throw thrown;
  }
}
