/** The denoiser's outputs for the branches of one step, and the text that conditions them. */
import type { TextEmbedding } from '../pipeline/denoiserInputs';
import { type Branch, branchGuidance } from '../pipeline/guidance';
import { latentChannels } from '../pipeline/latentChannels';
import { countNotFinite } from '../runtime/notFinite';
import { floatValues } from '../runtime/tensors';
import type { GenerateSettings } from './GenerateSettings';
import { requireFinite } from './notFinite';
import type { Pipeline } from './Pipeline';
import { editOf, type Variant } from './Variant';

export type TextOfBranches = Partial<Record<Branch, TextEmbedding>>;

/** What a clip is conditioned on: text, and where the model begins with one, a picture (its latent). */
export interface Conditions {
  readonly text: TextOfBranches;
  readonly picture?: Float32Array;
}

/** A picture's embedding stands where a prompt's would; the unconditional branch then has zeros. */
export async function embedConditions(pipeline: Pipeline, settings: GenerateSettings): Promise<Conditions> {
  if (!pipeline.picture || !settings.image) return { text: await embedPrompts(pipeline, settings) };
  const { latent, embedding } = await pipeline.picture.embed(settings.image, settings.seed);
  return { picture: latent, text: embedding ? { conditional: embedding } : {} };
}

/** The prompt's embedding, and with guidance the negative prompt's; empty where the pipeline has no text side. */
export async function embedPrompts(
  { text, description }: Pipeline,
  settings: GenerateSettings,
): Promise<TextOfBranches> {
  if (!text) return {};
  const conditional = await text.embed(settings.prompt);
  if (branchGuidance(description, settings.guidance) === 1) return { conditional };
  return { conditional, unconditional: await text.embed(description.defaults.negativePrompt) };
}

export interface DenoiseRequest {
  readonly latent: Float32Array;
  readonly timestep: number;
  readonly branches: readonly Branch[];
  readonly guidance: number;
  readonly text: TextOfBranches;
  readonly picture?: Float32Array;
  /** How a sentence on this call begins, where it gives no numbers: 'Step 3 of 16'. */
  readonly where?: string;
}

/** Throws `engine/not-finite` and as `runDenoiser`. All branches in one call where the graph takes such a batch, else one after the other. */
export async function denoise(pipeline: Pipeline, variant: Variant, request: DenoiseRequest): Promise<Float32Array[]> {
  const { inputs } = pipeline;
  const perCall = inputs.batch >= request.branches.length ? request.branches.length : 1;
  const results: Float32Array[] = [];
  for (let first = 0; first < request.branches.length; first += perCall) {
    const branches = request.branches.slice(first, first + perCall);
    const call = { ...request, branches };
    const output = floatValues(await pipeline.runDenoiser(call, variant));
    if (countNotFinite(output) > 0) {
      const edit = editOf(variant, 'denoiser');
      const feeds = inputs.feeds(call);
      await requireFinite(pipeline, pipeline.denoiser, {
        edit,
        feeds,
        values: output,
        where: request.where ?? 'A call',
      });
    }
    results.push(...branchOutputs(pipeline, output, branches.length));
  }
  return results;
}

/** One call's output, by its branches: each clip's latent channels. */
export function branchOutputs(
  { inputs, description }: Pick<Pipeline, 'inputs' | 'description'>,
  output: Float32Array,
  branches: number,
): Float32Array[] {
  const size = output.length / inputs.clipsOf(branches);
  return Array.from({ length: branches }, (_, index) =>
    latentChannels(output.slice(index * size, (index + 1) * size), description.denoiser.outputChannels, description),
  );
}
