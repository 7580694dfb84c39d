/** A node of standard ONNX without attributes, named by what it makes. */
import type { Node } from '../../onnx/model';

export const namedNode = (opType: string, inputs: readonly string[], output: string): Node => ({
  name: `${opType}:${output}`,
  domain: '',
  opType,
  inputs,
  outputs: [output],
  attributes: new Map(),
});
