/**
 * What a pipeline folder says about itself (Optimum's layout: model_index.json, unet/, vae_decoder/,
 * text_encoder/, tokenizer/, scheduler/), read by `describePipeline`. A single denoiser file also gives a
 * description, with the other parts absent: the studio then samples with seeded random conditioning and shows
 * latent channels instead of decoded frames, and says so.
 */

import type { LatentScaling } from './latentScaling';

export interface PipelineDescription {
  readonly name: string;
  /** model_index.json's: what the pipeline does beyond its configs goes by it (`pipelineConventions`). */
  readonly className?: string;
  /** Present where the graph is no denoiser but was asked for all the same: what it is, and the sizes of its free dimensions. */
  readonly other?: { readonly role: string; readonly sizes: Readonly<Record<string, number>> };
  readonly denoiser: {
    readonly modelPath: string;
    /** The graph input that takes the latent. */
    readonly latentInput: string;
    /** More than `latent.channels` where the model also takes a conditioning image on its channels (SVD: 8 of 4). */
    readonly inputChannels: number;
    /** More than `latent.channels` where the model also predicts a variance (the first channels are the ones that count). */
    readonly outputChannels: number;
    /** The guidance is an input: one call a step, no unconditional branch. */
    readonly embedsGuidance?: true;
    /** AnimateDiff: the text's rows are the clips' frames, not the clips. */
    readonly textPerFrame?: true;
  };
  readonly textEncoder?: {
    readonly modelPath: string;
    readonly maxTokens: number;
    /** Mochi: an empty prompt is all zeros, its mask too. */
    readonly zeroesEmptyPrompt?: true;
  };
  /** `tokenizerPath`: tokenizer.json, or CLIP's vocab.json, which then comes with `mergesPath`. */
  readonly tokenizer?: { readonly tokenizerPath: string; readonly configPath: string; readonly mergesPath?: string };
  /** A second encoder that gives one state for the whole prompt (`pooled_projections`), with its own tokenizer. */
  readonly pooledEncoder?: {
    readonly modelPath: string;
    readonly maxTokens: number;
    readonly tokenizer: { readonly tokenizerPath: string; readonly configPath: string; readonly mergesPath?: string };
  };
  /** Present where the denoiser begins with a picture (`GenerateSettings.image`), in pixels. */
  readonly image?: {
    readonly width: number;
    readonly height: number;
    /** Paths of pictures that came with the folder, relative to it. */
    readonly examples: readonly string[];
    readonly vaeEncoderPath: string;
    readonly encoder?: {
      readonly modelPath: string;
      /** Side of the square picture that it takes. */
      readonly size: number;
      readonly mean: readonly number[];
      readonly std: readonly number[];
    };
  };
  readonly decoder?: { readonly modelPath: string } & LatentScaling;
  /** Why the decoder that the folder has is not used: clips are shown as latents then. */
  readonly decoderLacks?: string;
  readonly scheduler: SchedulerConfig;
  /** Latent clip of one sample: channels, frames, height, width. */
  readonly latent: {
    readonly channels: number;
    readonly frames: number;
    readonly height: number;
    readonly width: number;
  };
  readonly latentLayout: LatentLayout;
  /** Which of these the graph leaves free: they may be asked for (`LatentSize`) when the pipeline is opened. */
  readonly freeSizes: readonly (keyof LatentSize)[];
  readonly framesPerSecond: number;
  readonly defaults: {
    readonly steps: number;
    readonly guidance: number;
    readonly prompt: string;
    readonly negativePrompt: string;
  };
  readonly examplePrompts: readonly string[];
  /** What the model was trained to know, for healing. */
  readonly trainingPrompts?: readonly string[];
  /** Cuts that came with the folder, gentlest first. */
  readonly presets?: readonly GivenPreset[];
  /** What is missing or assumed, in sentences for people. */
  readonly notes: readonly string[];
}

/** A ready-made cut that a folder brings along; its ids are checked against the model by whoever offers it. */
export interface GivenPreset {
  readonly id: string;
  readonly label: string;
  /** What was measured, in a sentence. */
  readonly description: string;
  readonly dropped: readonly string[];
}

/**
 * How the denoiser's latent input lays out a batch of clips: B batch, C channels, F frames, H height, W width;
 * 'BCHW' takes single frames, 'BLC' takes tokens (L = F * H * W, in that order).
 */
export type LatentLayout = 'BCFHW' | 'BFCHW' | 'BCHW' | 'BLC';

/** A size that is asked for; it counts where the graph leaves that axis free, and comes before what the config says. */
export interface LatentSize {
  readonly frames?: number;
  readonly height?: number;
  readonly width?: number;
}

/** The scheduler's config file as it is; `createScheduler` reads what it needs or throws `library/unsupported-scheduler`. */
export type SchedulerConfig = Readonly<Record<string, unknown>> & { readonly _class_name: string };
