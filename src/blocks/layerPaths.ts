/**
 * How module paths of published video denoisers fall into stages, pairs and layers. The only place of discovery
 * that reads names; what can be dropped is decided by the graph.
 */
import type { BlockKind, Section } from './block';

export interface LayerPath {
  /** Module path of the layer: the tree's leaf. */
  readonly layer: string;
  readonly kind: BlockKind;
  /** Module path of the stage it belongs to; absent for layers outside stages. */
  readonly stage?: string;
  readonly section?: Section;
  /** Position among the stage's pairs; absent for samplers. */
  readonly pair?: number;
}

const KINDS: Readonly<Record<string, BlockKind>> = {
  resnets: 'resnet',
  attentions: 'spatial',
  temp_convs: 'temporal-conv',
  temp_attentions: 'temporal',
  motion_modules: 'temporal',
  downsamplers: 'sampler',
  upsamplers: 'sampler',
};

/** `undefined` for the root module. */
export function layerPath(scope: string): LayerPath | undefined {
  const unet = /^((?:.*\.)?(down_blocks|up_blocks)\.\d+)\.([a-z_]+)\.(\d+)/.exec(scope) ?? /^((?:.*\.)?(mid_block))\.([a-z_]+)\.(\d+)/.exec(scope);
  if (unet) {
    const [layer, stage, side, list, index] = unet as unknown as [string, string, string, string, string];
    const kind = KINDS[list] ?? 'layer';
    const section = side === 'mid_block' ? 'mid' : side === 'down_blocks' ? 'down' : 'up';
    return { layer, kind, stage, section, ...(kind === 'sampler' ? {} : { pair: Number(index) }) };
  }
  const stageOnly = /^((?:.*\.)?(?:down_blocks|up_blocks)\.\d+|(?:.*\.)?mid_block)(?:\.|$)/.exec(scope);
  if (stageOnly) return undefined; // joins of a stage: no layer of their own
  const transformer = /^(?:.*?\.)??([a-z_]*(?:blocks|layers))\.(\d+)(?=\.|$)/.exec(scope);
  if (transformer && !/^transformer_in\b|^context_embedder\b|refiner/.test(scope)) return { layer: transformer[0], kind: 'transformer', section: 'body' };
  const top = scope.split('.')[0]!;
  if (top === '') return undefined;
  return { layer: top, kind: top === 'transformer_in' ? 'temporal' : 'layer' };
}
