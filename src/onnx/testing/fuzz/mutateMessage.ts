/**
 * Damage that knows the format: fields of a model's messages renamed, dropped, doubled, moved, or given extreme values. The file
 * stays sound protobuf, so that it reaches the code behind the reader.
 */
import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type Message,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { ModelProtoSchema } from '../../wire/onnx_pb';
import type { Random } from './random';

/** Undefined when the bytes are no protobuf message. */
export function mutateMessages(bytes: Uint8Array, random: Random): Uint8Array | undefined {
  let model;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch {
    return undefined;
  }
  for (let count = 1 + random.index(4); count > 0; count--) mutate(reflect(ModelProtoSchema, model, false), random);
  return toBinary(ModelProtoSchema, model);
}

/** Changes a field of the message, or of one somewhere inside it. */
function mutate(root: ReflectMessage, random: Random): void {
  let at = root;
  for (
    let next: ReflectMessage | undefined = at;
    next;
    next = random.chance(0.15) ? undefined : randomChild(at, random)
  )
    at = next;
  const set = at.fields.filter((field) => at.isSet(field));
  const field = random.pick(set.length > 0 && random.chance(0.85) ? set : at.fields);
  if (field.fieldKind === 'list') mutateList(at, field, root, random);
  else if (field.fieldKind === 'message') mutateChild(at, field, root, random);
  else if (random.chance(0.1)) at.clear(field);
  else if (field.fieldKind === 'enum') at.set(field, random.index(40));
  else if (field.fieldKind === 'scalar') at.set(field, mutatedScalar(field.scalar, at.get(field), root, random));
}

type ListField = Extract<DescField, { readonly fieldKind: 'list' }>;
type MessageField = Extract<DescField, { readonly fieldKind: 'message' }>;

/** A message set in this one; undefined when there is none. */
function randomChild(message: ReflectMessage, random: Random): ReflectMessage | undefined {
  const fields = message.fields.filter(
    (field) =>
      (field.fieldKind === 'message' && message.isSet(field)) ||
      (field.fieldKind === 'list' && field.listKind === 'message' && message.get(field).size > 0),
  );
  if (fields.length === 0) return undefined;
  const field = random.pick(fields);
  if (field.fieldKind === 'message') return message.get(field);
  const list = message.get(field as ListField);
  return list.get(random.index(list.size)) as ReflectMessage;
}

function mutateList(message: ReflectMessage, field: ListField, root: ReflectMessage, random: Random): void {
  const list = message.get(field);
  const i = random.index(list.size);
  const [items, desc] = [[...list], field.listKind === 'message' ? field.message : undefined];
  const copy = (item: unknown): unknown =>
    desc ? reflect(desc, copyOf(desc, (item as ReflectMessage).message)) : item;
  const fresh = (): unknown =>
    desc
      ? reflect(desc, create(desc))
      : field.listKind === 'scalar'
        ? mutatedScalar(field.scalar, items[i], root, random)
        : random.index(40);
  if (list.size === 0) return void list.add(fresh());
  switch (random.index(8)) {
    case 0:
      items.splice(i, 1);
      break;
    case 1:
      items.splice(random.index(items.length), 0, copy(items[i]));
      break;
    case 2:
      items.push(...items.splice(i, 1));
      break;
    case 3:
      items.splice(0, items.length);
      break;
    case 4:
      items.splice(i, items.length);
      break;
    default:
      items[i] = fresh();
  }
  list.clear();
  for (const item of items) list.add(item);
}

/** The library's own clone refuses enums of the future. */
const copyOf = (desc: DescMessage, message: Message): Message => fromBinary(desc, toBinary(desc, message));

/** Drops it, empties it, or puts another message of its kind in its place. */
function mutateChild(message: ReflectMessage, field: MessageField, root: ReflectMessage, random: Random): void {
  if (random.chance(0.4)) return message.clear(field);
  const other = random.chance(0.7) ? find(root, field.message, random) : undefined;
  message.set(field, reflect(field.message, other ? copyOf(field.message, other) : create(field.message)));
}

/** A message of this kind from somewhere in the model, if one is met. */
function find(root: ReflectMessage, desc: DescMessage, random: Random): Message | undefined {
  for (let tries = 0; tries < 8; tries++) {
    for (let at: ReflectMessage | undefined = root; at; at = randomChild(at, random))
      if (at.desc === desc) return at.message;
  }
  return undefined;
}

const extremes = [
  0n,
  1n,
  2n,
  3n,
  -1n,
  -2n,
  64n,
  1025n,
  65536n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 32n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];

const strangeNames = [
  '',
  ' ',
  '/',
  '..',
  '__proto__',
  'constructor',
  'toString',
  'x',
  'sample',
  'com.microsoft',
  'ai.onnx',
  '/blocks.0/attn/Add',
  'blocks.1.',
  '\u0000',
  '𝒳',
  'n'.repeat(5000),
  '/'.repeat(5000),
];

function mutatedScalar(type: ScalarType, value: unknown, root: ReflectMessage, random: Random): unknown {
  switch (type) {
    case ScalarType.STRING:
      return random.chance(0.3) ? random.pick(strangeNames) : (randomText(root, random) ?? String(value ?? ''));
    case ScalarType.BYTES:
      return mutatedContents(value instanceof Uint8Array ? value : new Uint8Array(0), random);
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return random.pick([0, -0, 1, -1, 0.5, NaN, Infinity, -Infinity, 1e30]);
    case ScalarType.INT64:
      return BigInt.asIntN(
        64,
        random.chance(0.3) && typeof value === 'bigint' ? value + random.pick([-1n, 1n]) : random.pick(extremes),
      );
    case ScalarType.UINT64:
      return BigInt.asUintN(64, random.pick(extremes));
    case ScalarType.BOOL:
      return random.chance(0.5);
    default:
      return random.pick([0, 1, 2, 7, 8, 16, 99, -1, 2 ** 31 - 1, -(2 ** 31)]);
  }
}

/** A name from elsewhere in the model: that of a value, a node, an operator, a dimension. */
function randomText(root: ReflectMessage, random: Random): string | undefined {
  let at = root;
  for (let next: ReflectMessage | undefined = at; next; next = random.chance(0.1) ? undefined : randomChild(at, random))
    at = next;
  const texts = at.fields.flatMap((field) => {
    if (field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING) return [at.get(field) as string];
    return field.fieldKind === 'list' && field.listKind === 'scalar' && field.scalar === ScalarType.STRING
      ? ([...at.get(field)] as string[])
      : [];
  });
  return texts.length > 0 ? random.pick(texts) : undefined;
}

function mutatedContents(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice(0, random.chance(0.3) ? random.index(bytes.length + 1) : bytes.length);
  if (copy.length > 0) copy[random.index(copy.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff]);
  return copy;
}
