/**
 * What diffusers' pipeline classes do around scheduler, text encoder and denoiser that no config file says: read off
 * their sources, per `_class_name` of model_index.json. Nothing here is a guess about a class that is not listed.
 */
import type { GridRule } from './schedulers/givenGrid';

export interface PipelineConventions {
  /** The sigmas that the pipeline hands to its scheduler; absent: the scheduler's own. */
  readonly grid?: GridRule;
  /** Tokens of a prompt, where the pipeline and not the tokenizer says. */
  readonly maxTokens?: number;
  /** The text encoder is called without the prompt's mask: it attends to the padding as to words. */
  readonly ignoresMask?: boolean;
  /** The parts that make the denoiser's text; absent: `text_encoder` and `tokenizer`. */
  readonly text?: { readonly encoder: string; readonly tokenizer: string };
  /** Both branches' embeddings are cut to the prompt's tokens, where the graph leaves their number free. */
  readonly cutsToPrompt?: boolean;
  /** The denoiser's text has a row a frame, not a row a clip. */
  readonly textPerFrame?: boolean;
  /** Embeddings past the prompt's last token are zero. */
  readonly zeroesPastPrompt?: boolean;
  /** What is done to a prompt before its tokens are made. */
  readonly cleansPrompt?: 'spaces' | 'lower';
  /** A text around the prompt, and how many of its first tokens are left out of the embedding. */
  readonly template?: { readonly before: string; readonly after: string; readonly croppedTokens: number };
  /** Which of the encoder's hidden states is the embedding, counted from the last one (1); absent: its output. */
  readonly hiddenState?: number;
  /** The denoiser is told this times the scheduler's timestep. */
  readonly timestepScale?: number;
  /** A denoiser that takes the guidance as an input is given this times it. */
  readonly guidanceScale?: number;
  /** The pipeline's own default. */
  readonly guidance?: number;
  /** Likewise; a denoiser that takes `added_time_ids` is told one less. */
  readonly framesPerSecond?: number;
}

const HUNYUAN_TEMPLATE = {
  before:
    '<|start_header_id|>system<|end_header_id|>\n\nDescribe the video by detailing the following aspects: ' +
    '1. The main content and theme of the video.' +
    '2. The color, shape, size, texture, quantity, text, and spatial relationships of the objects.' +
    '3. Actions, events, behaviors temporal relationships, physical movement changes of the objects.' +
    '4. background environment, light, style and atmosphere.' +
    '5. camera angles, movements, and transitions used in the video:<|eot_id|>' +
    '<|start_header_id|>user<|end_header_id|>\n\n',
  after: '<|eot_id|>',
  croppedTokens: 95,
};

const CONVENTIONS: readonly (readonly [RegExp, PipelineConventions])[] = [
  [
    /^HunyuanVideo(Framepack)?Pipeline$/,
    {
      grid: 'linspace-above-zero',
      maxTokens: 256,
      template: HUNYUAN_TEMPLATE,
      hiddenState: 3,
      guidanceScale: 1000,
      guidance: 6,
    },
  ],
  [/^Hunyuan(Video|Skyreels|Image)/, { grid: 'linspace-above-zero', guidanceScale: 1000, guidance: 6 }],
  [/^Mochi/, { grid: 'linear-quadratic', maxTokens: 256, guidance: 4.5 }],
  [/^LTX2/, { grid: 'linspace-to-step' }],
  [/^LTX/, { grid: 'linspace-to-step', maxTokens: 128, ignoresMask: true, guidance: 3 }],
  [/^(Wan|SkyReelsV2)/, { maxTokens: 512, zeroesPastPrompt: true, cleansPrompt: 'spaces', guidance: 5 }],
  [/^CogVideoX/, { maxTokens: 226, ignoresMask: true, guidance: 6 }],
  [/^Latte/, { maxTokens: 120, cleansPrompt: 'lower', cutsToPrompt: true, guidance: 7.5 }],
  [/^Allegro/, { maxTokens: 512, cleansPrompt: 'lower', guidance: 7.5 }],
  [/^(TextToVideoSD|VideoToVideoSD)/, { ignoresMask: true, guidance: 9 }],
  [/^StableVideoDiffusion/, { framesPerSecond: 7 }],
  [/^AnimateDiff/, { ignoresMask: true, textPerFrame: true, guidance: 7.5 }],
  [/^StableDiffusion(?!3)/, { ignoresMask: true, guidance: 7.5 }],
  [/^StableDiffusion3/, { ignoresMask: true, guidance: 7 }],
  [
    /^Flux/,
    {
      grid: 'linspace-to-step',
      maxTokens: 512,
      ignoresMask: true,
      text: { encoder: 'text_encoder_2', tokenizer: 'tokenizer_2' },
      timestepScale: 1 / 1000,
      guidanceScale: 1,
      guidance: 3.5,
    },
  ],
  [/^QwenImage/, { grid: 'linspace-to-step', timestepScale: 1 / 1000, guidanceScale: 1 }],
  [/^Chroma/, { grid: 'linspace-to-step', timestepScale: 1 / 1000 }],
];

export function pipelineConventions(className: string | undefined): PipelineConventions {
  return CONVENTIONS.find(([pattern]) => pattern.test(className ?? ''))?.[1] ?? {};
}
