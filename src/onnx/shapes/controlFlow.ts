/** Shape rules of If, Loop and Scan: their bodies are inferred, and what holds on every path is kept. */
import type { Dim } from '../model';
import { graphAttribute, intAttribute, type OpCall, type RuleTable, type ShapeRule } from './OpCall';
import { numbersOf, unknownValue, type Value, valueOf } from './Value';

type Result = ReturnType<ShapeRule>;

/** What two values have in common. */
function common(a: Value | undefined, b: Value | undefined): Value {
  if (!a || !b) return unknownValue;
  const dataType = a.dataType === b.dataType ? a.dataType : undefined;
  const { shape } = b;
  if (!a.shape || !shape || a.shape.length !== shape.length) return valueOf(dataType, null);
  return valueOf(
    dataType,
    a.shape.map((dim, i) => (dim === shape[i] ? dim : null)),
  );
}

/** A known condition decides; both bodies are inferred all the same, for their inner values. */
function ifRule(call: OpCall): Result {
  const bodies = ['then_branch', 'else_branch'].map((name) => graphAttribute(call.node, name));
  const [then = [], otherwise = []] = bodies.map((body) => (body ? call.inferBody(body, []) : []));
  const condition = numbersOf(call.inputs[0])?.[0];
  if (condition !== undefined) return condition ? then : otherwise;
  return call.node.outputs.map((_, i) => common(then[i], otherwise[i]));
}

/** Without elements: they change from one iteration to the next. */
const varying = (value: Value | undefined): Value => (value ? valueOf(value.dataType, value.shape) : unknownValue);

/** Body: (iteration, condition, carried...) -> (condition, carried..., scanned...). */
function loop(call: OpCall): Result {
  const body = graphAttribute(call.node, 'body');
  if (!body) return [];
  const start = call.inputs.slice(2).map(varying);
  const heads = [valueOf('int64', []), valueOf('bool', [])];
  const once = call.inferBody(body, [...heads, ...start]);
  // a shape that changes in the first round is not known in any
  const stable = start.map((value, i) => common(value, once[i + 1]));
  const changed = stable.some((value, i) => JSON.stringify(value) !== JSON.stringify(start[i]));
  const outputs = changed ? call.inferBody(body, [...heads, ...stable]) : once;
  const trips = call.node.inputs[1] === '' || !call.node.inputs[1] ? (numbersOf(call.inputs[0])?.[0] ?? null) : null;
  const carried = stable.map((value, i) => common(value, outputs[i + 1]));
  return [...carried, ...outputs.slice(1 + start.length).map((value) => stacked(value, trips))];
}

const stacked = (value: Value | undefined, count: Dim): Value =>
  valueOf(value?.dataType, value?.shape ? [count, ...value.shape] : null);

/** Along the first axis only; scanning along others leaves the shapes unknown. */
function scan(call: OpCall): Result {
  const body = graphAttribute(call.node, 'body');
  const elsewhere = ['scan_input_axes', 'scan_output_axes'].some((name) => call.node.attributes.has(name));
  if (!body || elsewhere || call.opset < 9) return [];
  const states = call.inputs.length - intAttribute(call.node, 'num_scan_inputs', 0);
  const scanned = call.inputs.slice(states);
  const slices = scanned.map((value) => valueOf(value?.dataType, value?.shape?.slice(1) ?? null));
  const outputs = call.inferBody(body, [...call.inputs.slice(0, states).map(varying), ...slices]);
  return outputs.map((value, i) => (i < states ? varying(value) : stacked(value, scanned[0]?.shape?.[0] ?? null)));
}

export const controlFlowRules: RuleTable = { If: ifRule, Loop: loop, Scan: scan };
