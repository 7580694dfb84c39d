/** Which shape rule an operator has. An operator without one leaves its outputs to the file's value_info. */
import type { Node } from '../model';
import { arrangementRules } from './arrangement';
import { onnxAttentionRules, runtimeAttentionRules } from './attention';
import { blockedLayoutRules } from './blockedLayout';
import { controlFlowRules } from './controlFlow';
import { elementwiseRules } from './elementwise';
import { fusedRules } from './fused';
import { generationRules } from './generation';
import { linearRules } from './linear';
import type { RuleTable, ShapeRule } from './OpCall';
import { recurrentRules } from './recurrent';
import { reductionRules } from './reduction';

const standard: RuleTable = {
  ...elementwiseRules,
  ...arrangementRules,
  ...linearRules,
  ...reductionRules,
  ...recurrentRules,
  ...generationRules,
  ...controlFlowRules,
  ...onnxAttentionRules,
};

/** onnxruntime also saves some standard names under its own domain. */
const runtime: RuleTable = { ...standard, ...fusedRules, ...runtimeAttentionRules };

const byDomain: ReadonlyMap<string, ReadonlyMap<string, ShapeRule>> = new Map([
  ['', new Map(Object.entries(standard))],
  ['com.microsoft', new Map(Object.entries(runtime))],
  ['com.microsoft.nchwc', new Map(Object.entries(blockedLayoutRules))],
]);

export function shapeRule(node: Pick<Node, 'domain' | 'opType'>): ShapeRule | undefined {
  return byDomain.get(node.domain)?.get(node.opType) ?? (node.domain === '' ? misplaced.get(node.opType) : undefined);
}

/** onnxruntime writes these operators of its own under the default domain. */
const misplaced = new Map(Object.entries(fusedRules));
