/** Element types of a node's outputs from those of its inputs; `undefined` where it cannot tell. */
import { dataTypeOf } from '../dataTypes';
import type { DataType, Node } from '../model';
import { intAttribute } from './rules';

const BOOLEAN = new Set(['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'And', 'Or', 'Xor', 'Not', 'IsNaN', 'IsInf']);
const FROM_SECOND = new Set(['Where', 'CastLike']);

export function outputTypes(node: Node, inputs: readonly (DataType | undefined)[]): readonly (DataType | undefined)[] {
  const all = (type: DataType | undefined) => node.outputs.map(() => type);
  if (BOOLEAN.has(node.opType)) return all('bool');
  if (FROM_SECOND.has(node.opType)) return all(inputs[1]);
  switch (node.opType) {
    case 'Shape': case 'Size': case 'NonZero': case 'ArgMax': case 'ArgMin': return all('int64');
    case 'Cast': return all(dataTypeOf(intAttribute(node, 'to', 0)));
    case 'ConstantOfShape': {
      const value = node.attributes.get('value');
      return all(value?.kind === 'tensor' ? value.value.dataType : 'float32');
    }
    case 'ConvInteger': case 'MatMulInteger': return all('int32');
    case 'DynamicQuantizeLinear': return ['uint8', 'float32', 'uint8'];
    case 'QuantizeLinear': return all(inputs[2] ?? 'uint8');
    case 'DequantizeLinear': return all(inputs[1]);
    case 'QLinearConv': case 'QLinearMatMul': return all(inputs[7]);
    case 'DynamicQuantizeMatMul': case 'MatMulIntegerToFloat': return all('float32');
    case 'TopK': return [inputs[0], 'int64'];
    default: return all(inputs[0]);
  }
}
