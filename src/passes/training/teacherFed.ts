/**
 * A student cut into regions at chosen values, each fed with what the teacher has there: whatever crosses from one region to
 * another becomes an input of the graph, so that regions learn apart and no gradient goes from one to the other. What does not
 * depend on the latent (time, text) is left as it is.
 */
import { present } from '../../errors/present';
import { producers, usedNames } from '../../onnx/graph';
import type { Model, Node, ValueInfo } from '../../onnx/model';
import type { StaticType } from '../differentiate/GraphWriter';

export interface TeacherFed {
  /** The student with inputs `teacher:VALUE`. */
  readonly model: Model;
  /** The teacher's values that they take. */
  readonly values: readonly string[];
}

export const teacherInput = (value: string): string => `teacher:${value}`;

/**
 * `exits`: the student's values at which regions end, in the order in which they are made. `whole`: the graph that the student
 * was pruned from; its values feed the regions. `types`: of its values, at the sizes that the student is trained at.
 */
export function feedFromTeacher(
  whole: Model,
  student: Model,
  exits: readonly string[],
  latentInput: string,
  types: ReadonlyMap<string, StaticType>,
): TeacherFed {
  const original = producers(whole.graph);
  const regions = new Regions(exits, latentInput);
  const fed = new Set<string>();
  const nodes = student.graph.nodes.map((node): Node => {
    const region = regions.enter(node);
    const before = original.get(present(node.outputs[0]));
    const inputs = node.inputs.map((name, slot) => {
      const from = regions.of(name);
      if (from === undefined || from === region || before === undefined) return name;
      const value = present(before.inputs[slot]);
      if (types.get(value)?.dataType !== 'float32') return name;
      fed.add(value);
      return teacherInput(value);
    });
    return { ...node, inputs };
  });
  const added = [...fed].map((value): ValueInfo => ({ name: teacherInput(value), type: present(types.get(value)) }));
  return {
    model: { ...student, graph: { ...student.graph, nodes, inputs: [...student.graph.inputs, ...added] } },
    values: [...fed],
  };
}

/** Region of every value that depends on the latent: how many exits lie before it. */
class Regions {
  private readonly made = new Map<string, number>();
  private readonly exits: ReadonlySet<string>;

  constructor(exits: readonly string[], latentInput: string) {
    this.exits = new Set(exits);
    this.made.set(latentInput, 0);
  }

  of = (value: string): number | undefined => this.made.get(value);

  /** The region in which a node runs: that of what it reads, or the one behind an exit that it reads. */
  enter(node: Node): number | undefined {
    const read = usedNames(node).flatMap((name) => {
      const region = this.made.get(name);
      return region === undefined ? [] : [region + (this.exits.has(name) ? 1 : 0)];
    });
    if (read.length === 0) return undefined;
    const region = Math.max(...read);
    for (const name of node.outputs) this.made.set(name, region);
    return region;
  }
}
