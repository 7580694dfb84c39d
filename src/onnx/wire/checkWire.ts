/**
 * Does this have the structure of the message it should be? The protobuf library trusts lengths and wire types, so that damaged
 * bytes come out as other values than were written; this walk over all fields finds that before. It reads no contents.
 */
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { StudioError } from '../../errors/StudioError';

/** Messages nested deeper than this do not occur; the protobuf library stops there too. */
const maxDepth = 99;

interface FieldPlan {
  readonly name: string;
  readonly wireType: WireType;
  /** May also stand as one length-delimited field of many. */
  readonly packable: boolean;
  readonly child?: MessagePlan;
}

interface MessagePlan {
  readonly name: string;
  readonly fields: ReadonlyMap<number, FieldPlan>;
}

interface Cursor {
  readonly bytes: Uint8Array;
  position: number;
}

/**
 * Throws `onnx/not-onnx` when the bytes are something else, `onnx/truncated` when a field runs past the end of what holds it,
 * `onnx/unsupported` for nesting without end.
 */
export function checkWire(bytes: Uint8Array, schema: DescMessage): void {
  const plan = planOf(schema);
  requireFirstField({ bytes, position: 0 }, plan);
  walk({ bytes, position: 0 }, bytes.length, plan, 0);
}

/** The first field decides whether this is a cut model or no model at all. */
function requireFirstField(cursor: Cursor, plan: MessagePlan): void {
  const { bytes } = cursor;
  const tag = bytes[0] ?? 0;
  const field = tag < 0x80 ? plan.fields.get(tag >>> 3) : undefined;
  if (bytes.length < 2 || !field || field.wireType !== (tag & 7)) throw notOnnx(plan, 'it begins with something else');
  cursor.position = 1;
  const complete =
    field.wireType !== WireType.LengthDelimited || varint(cursor, bytes.length, plan) + cursor.position <= bytes.length;
  if (!complete && !field.child) throw notOnnx(plan, 'it begins with something else');
}

function walk(cursor: Cursor, end: number, plan: MessagePlan, depth: number): void {
  if (depth > maxDepth)
    throw new StudioError('onnx/unsupported', `Graphs or types are nested more than ${maxDepth} deep.`);
  while (cursor.position < end) {
    const tag = varint(cursor, end, plan);
    const wireType = tag & 7;
    const field = plan.fields.get(tag >>> 3);
    if (tag >>> 3 === 0) throw notOnnx(plan, 'a field has the number 0');
    if (field && wireType !== field.wireType && !(field.packable && wireType === WireType.LengthDelimited))
      throw notOnnx(plan, `${field.name} has wire type ${wireType}`);
    if (wireType === WireType.LengthDelimited) walkDelimited(cursor, end, plan, field, depth);
    else skipNumber(cursor, wireType, end, plan);
  }
}

function walkDelimited(
  cursor: Cursor,
  end: number,
  plan: MessagePlan,
  field: FieldPlan | undefined,
  depth: number,
): void {
  const length = varint(cursor, end, plan);
  const inner = cursor.position + length;
  if (inner > end) throw truncated(cursor, plan, field?.name);
  if (field?.child) walk(cursor, inner, field.child, depth + 1);
  else if (field?.packable) requirePacked(cursor, inner, field, plan);
  cursor.position = inner;
}

/** Every caller has compared `at` with the end of its message. */
const byteAt = ({ bytes }: Cursor, at: number): number => bytes[at] ?? 0;

/** Numbers must fill their list exactly. */
function requirePacked(cursor: Cursor, end: number, field: FieldPlan, plan: MessagePlan): void {
  const length = end - cursor.position;
  const size = field.wireType === WireType.Bit32 ? 4 : field.wireType === WireType.Bit64 ? 8 : undefined;
  const whole = size ? length % size === 0 : length === 0 || byteAt(cursor, end - 1) < 0x80;
  if (!whole) throw truncated(cursor, plan, field.name);
}

/** An unsigned 32-bit number that ends before `end`. */
function varint(cursor: Cursor, end: number, plan: MessagePlan): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    if (cursor.position >= end) throw truncated(cursor, plan);
    const byte = byteAt(cursor, cursor.position++);
    value += (byte & 127) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw notOnnx(plan, 'a number has too many bytes');
}

/** Groups, an old encoding that ONNX never had, are refused too. */
function skipNumber(cursor: Cursor, wireType: WireType, end: number, plan: MessagePlan): void {
  if (wireType === WireType.Bit32) cursor.position += 4;
  else if (wireType === WireType.Bit64) cursor.position += 8;
  else if (wireType === WireType.Varint) {
    const last = cursor.position + 9;
    while (cursor.position < end && byteAt(cursor, cursor.position) >= 0x80) cursor.position++;
    if (cursor.position > last) throw notOnnx(plan, 'a number has too many bytes');
    cursor.position++;
  } else throw notOnnx(plan, `a field has wire type ${wireType}`);
  if (cursor.position > end) throw truncated(cursor, plan);
}

function truncated({ bytes, position }: Cursor, plan: MessagePlan, field?: string): StudioError {
  const place = field ? `, inside its ${field}` : '';
  return new StudioError(
    'onnx/truncated',
    `A ${plan.name} ends too early${place} (at byte ${Math.min(position, bytes.length)} of ${bytes.length}).`,
    {
      message: plan.name,
      sizeBytes: bytes.length,
    },
  );
}

const notOnnx = (plan: MessagePlan, reason: string) =>
  new StudioError(
    'onnx/not-onnx',
    `The file is not an ONNX model, or is damaged: its ${plan.name} cannot be read (${reason}).`,
    { message: plan.name },
  );

const plans = new WeakMap<DescMessage, MessagePlan>();

function planOf(schema: DescMessage): MessagePlan {
  const known = plans.get(schema);
  if (known) return known;
  const fields = new Map<number, FieldPlan>();
  const plan: MessagePlan = { name: schema.name, fields };
  plans.set(schema, plan); // before the fields: messages contain themselves
  for (const field of schema.fields) fields.set(field.number, fieldPlan(field));
  return plan;
}

function fieldPlan(field: DescField): FieldPlan {
  if (field.message)
    return { name: field.name, wireType: WireType.LengthDelimited, packable: false, child: planOf(field.message) };
  const wireType = field.scalar === undefined ? WireType.Varint : wireTypeOf(field.scalar); // enums are varints
  return { name: field.name, wireType, packable: field.fieldKind === 'list' && wireType !== WireType.LengthDelimited };
}

function wireTypeOf(scalar: ScalarType): WireType {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    default:
      return WireType.Varint;
  }
}
