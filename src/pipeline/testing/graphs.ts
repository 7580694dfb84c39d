/** Bare graphs for tests of the description: inputs, outputs and at most one convolution. */
import type { DataType, Dim, Model, Tensor, ValueInfo } from '../../onnx/model';

type Shape = readonly Dim[] | null;

function value(name: string, shape: Shape, dataType: DataType = 'float32'): ValueInfo {
  return { name, type: { dataType, shape } };
}

/** `convChannels`: the input channels of a convolution that the graph starts with. */
export function bareModel(
  inputs: Readonly<Record<string, Shape>>,
  outputs: Readonly<Record<string, Shape>>,
  convChannels?: number,
): Model {
  const weight: Tensor = {
    name: 'conv_in.weight',
    dataType: 'float32',
    dims: [8, convChannels ?? 1, 3, 3],
    data: { kind: 'external', location: 'weights', offsetBytes: 0, lengthBytes: 8 * (convChannels ?? 1) * 9 * 4 },
  };
  const [firstInput] = Object.keys(inputs);
  return {
    irVersion: 10,
    opsets: new Map([['', 18]]),
    producerName: 'test',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    docString: '',
    functions: [],
    metadata: new Map(),
    graph: {
      name: 'main',
      nodes:
        convChannels === undefined
          ? []
          : [
              {
                name: 'conv_in',
                domain: '',
                opType: 'Conv',
                inputs: [firstInput!, weight.name],
                outputs: ['hidden'],
                attributes: new Map(),
              },
            ],
      initializers: convChannels === undefined ? new Map() : new Map([[weight.name, weight]]),
      inputs: Object.entries(inputs).map(([name, shape]) =>
        value(name, shape, name === 'input_ids' ? 'int64' : 'float32'),
      ),
      outputs: Object.entries(outputs).map(([name, shape]) => value(name, shape)),
      valueInfo: new Map(),
    },
  };
}
