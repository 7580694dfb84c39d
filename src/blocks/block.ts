/**
 * What block discovery returns: the tree stage -> block -> layer of a denoiser, plus units that cross stages.
 * Plain data; the algorithm is in `discoverBlocks`, the surgery in `passes`.
 */

export type BlockKind =
  | 'stage' // one resolution of a U-Net, on one side of the U, or the mid block
  | 'inner-stages' // everything below one resolution: the deepest stages of both sides and the mid block
  | 'pair' // resnet and the attention layers that follow it
  | 'transformer' // one block of a DiT
  | 'resnet'
  | 'spatial' // spatial attention
  | 'temporal' // temporal attention
  | 'temporal-conv'
  | 'attention' // attention that is neither spatial nor temporal alone (joint, cross)
  | 'feed-forward'
  | 'sampler' // down- or upsampler
  | 'layer'; // anything else that holds weights

/** Where in the U a block stands; `body` for models without a U (DiT). */
export type Section = 'in' | 'down' | 'mid' | 'up' | 'body' | 'out';

/** Dropping replaces every use of the value `exit` by the value `entry` (same shape and type). */
export interface Rewire {
  readonly exit: string;
  readonly entry: string;
}

export interface Block {
  /** The module path where the graph has scopes (`down_blocks.0.resnets.1`), else a stable readable id. */
  readonly id: string;
  readonly kind: BlockKind;
  readonly section: Section;
  /** Resolution level: 0 is the highest resolution (shallow). For DiTs always 0. */
  readonly level: number;
  /** Position in execution order among all leaf layers: 0 runs first. */
  readonly depth: number;
  /** Number of weights that only this block uses. */
  readonly parameters: number;
  readonly bytes: number;
  /** Multiply-accumulates of one denoiser call at the bound shapes. */
  readonly macs: number;
  readonly droppable: boolean;
  /** Why it cannot be dropped: a full sentence for people. Present exactly when `droppable` is false. */
  readonly reason?: string;
  /** What dropping rewires; empty when not droppable. A parent's list covers its children's. */
  readonly rewires: readonly Rewire[];
  readonly children: readonly Block[];
  /** Only for `inner-stages`: ids of the stages and samplers that go. */
  readonly members?: readonly string[];
  /** Only for `parts`: the layer of the tree that it lies in. */
  readonly inside?: string;
  /** Main output value of the block (where one exists), for taps and feature metrics. */
  readonly output?: string;
}

export interface BlockTree {
  /** Name of the graph input that carries the latent video. */
  readonly latentInput: string;
  /** Top-level blocks in execution order. */
  readonly blocks: readonly Block[];
  /** Units that cross stages (`inner-stages`), deepest first. */
  readonly groups: readonly Block[];
  /**
   * What can go inside the layers of a U-Net: a transformer block of an attention layer, its attention, its feed-forward.
   * Named in plans like any block; maps, presets and sweeps work on layers.
   */
  readonly parts?: readonly Block[];
  /** What discovery wants people to know ("3 nodes of domain X are opaque"). */
  readonly notes: readonly string[];
  readonly totals: Totals;
}

export interface Totals {
  readonly nodes: number;
  readonly parameters: number;
  readonly bytes: number;
  readonly macs: number;
}
