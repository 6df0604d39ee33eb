/** Values in JSON that are not of their field's type: the serializer would round, cut or drop them. */

import protobuf from 'protobufjs'
import { expect, it } from 'vitest'
import { messageOf } from './rest-json.ts'

const type = new protobuf.Type('Sample')
for (const [index, name] of ['int32', 'uint32', 'int64', 'uint64', 'double', 'bool', 'string', 'bytes'].entries())
  type.add(new protobuf.Field(`a_${name}`, index + 1, name))
type.add(new protobuf.Field('list', 20, 'int64', 'repeated'))
type.add(new protobuf.MapField('map', 21, 'string', 'int32'))
type.add(new protobuf.Field('at', 22, 'google.protobuf.Timestamp'))
type.add(new protobuf.Field('wait', 23, 'google.protobuf.Duration'))
type.add(new protobuf.Field('ofSnapshot', 24, 'string'))
type.add(new protobuf.Field('ofNothing', 25, 'google.protobuf.NullValue'))
type.add(new protobuf.OneOf('target', ['at', 'ofSnapshot', 'ofNothing']))
const root = new protobuf.Root().add(type)
for (const name of ['timestamp', 'duration', 'struct'])
  root.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)!.nested!)
root.resolveAll()

it.each([
  { a_int32: 2 ** 31 - 1, a_uint32: '4294967295', a_int64: '-9223372036854775808', a_uint64: '18446744073709551615' },
  { a_int64: 5, a_double: 1.5, a_bool: false, a_string: '', a_bytes: 'YQ==' },
  { a_double: 'NaN', a_bytes: '_-8', list: ['1', 2], map: { a: 1 } },
  { a_double: '-1e3', a_bytes: '', a_int64: null },
])('takes %j', (json) => {
  expect(() => messageOf(type, json)).not.toThrow()
})

it.each([
  [{ a_int32: 2 ** 31 }, `Invalid value at 'a_int32' (TYPE_INT32), 2147483648`],
  [{ a_uint32: -1 }, `Invalid value at 'a_uint32' (TYPE_UINT32), -1`],
  [{ a_int64: 1.5 }, `Invalid value at 'a_int64' (TYPE_INT64), 1.5`],
  [{ a_int64: '9223372036854775808' }, `Invalid value at 'a_int64' (TYPE_INT64), "9223372036854775808"`],
  [{ a_uint64: '-1' }, `Invalid value at 'a_uint64' (TYPE_UINT64), "-1"`],
  [{ a_int64: '' }, `Invalid value at 'a_int64' (TYPE_INT64), ""`],
  [{ a_double: 'much' }, `Invalid value at 'a_double' (TYPE_DOUBLE), "much"`],
  [{ a_bool: 'true' }, `Invalid value at 'a_bool' (TYPE_BOOL), "true"`],
  [{ a_string: 1 }, `Invalid value at 'a_string' (TYPE_STRING), 1`],
  [{ a_bytes: 'Y Q' }, `Invalid value at 'a_bytes' (TYPE_BYTES), "Y Q"`],
  [{ a_bytes: 'YQabc' }, `Invalid value at 'a_bytes' (TYPE_BYTES), "YQabc"`],
  [{ list: [1, 'x'] }, `Invalid value at 'list[1]' (TYPE_INT64), "x"`],
  [{ map: { a: true } }, `Invalid value at 'map[a]' (TYPE_INT32), true`],
])('refuses %j', (json, message) => {
  expect(() => messageOf(type, json)).toThrow(message)
})

it.each([
  ['2026-02-01T00:00:00Z', { seconds: 1769904000 }],
  ['2026-02-01T00:00:00.5+02:00', { seconds: 1769896800, nanos: 500_000_000 }],
  ['2026-02-01T00:00:00.123456789-01:30', { seconds: 1769909400, nanos: 123_456_789 }],
  ['0001-01-01T00:00:00Z', { seconds: -62135596800 }],
  ['9999-12-31T23:59:59.999999999Z', { seconds: 253402300799, nanos: 999_999_999 }],
])('reads the time %s', (at, expected) => {
  expect(type.toObject(messageOf(type, { at }), { longs: Number })).toEqual({ at: expected })
})

it.each(['5s', '1.5s', '0.000000001s', '315576000000s'])('reads the duration %s', (wait) => {
  const { seconds = 0, nanos = 0 } = type.toObject(messageOf(type, { wait }), { longs: Number })['wait'] as {
    seconds?: number
    nanos?: number
  }
  expect(seconds + nanos / 1e9).toBe(Number(wait.slice(0, -1)))
})

it.each([
  ...[
    'yesterday',
    '2026-13-45T00:00:00Z',
    '2026-02-31T00:00:00Z',
    '2026-02-01T25:00:00Z',
    '2026-02-01T00:00:00',
    '2026-02-01',
    '2026-02-01T00:00:00.1234567891Z',
    '2026-02-01T00:00:00+99:00',
    '0000-12-31T23:59:59Z',
    '0001-01-01T00:00:00+01:00',
    5,
    { seconds: 5 },
  ].map((at) => ['at', 'Timestamp', at] as const),
  ...['5', '5m', 's', '.s', '1.1234567891s', '315576000001s', 5, { seconds: 5 }].map(
    (wait) => ['wait', 'Duration', wait] as const,
  ),
])('refuses as %s, a %s, %j', (field, name, value) => {
  expect(() => messageOf(type, { [field]: value })).toThrow(
    `Invalid value at '${field}' (type.googleapis.com/google.protobuf.${name}), ${JSON.stringify(value)}`,
  )
})

it('refuses a second field of a oneof, which would replace the first in silence', () => {
  const at = '2026-02-01T00:00:00Z'
  for (const one of [
    { at, ofSnapshot: 'a' },
    { at, of_snapshot: '' },
  ])
    expect(() => messageOf(type, one)).toThrow(
      "Invalid value (oneof), oneof field 'target' is already set. Cannot set 'ofSnapshot'",
    )
  expect(() => messageOf(type, { ofNothing: null, ofSnapshot: 'a' })).toThrow("'target' is already set")
  for (const one of [
    { at, ofSnapshot: null },
    { ofNothing: null, at: null },
    { at, wait: '1s' },
  ])
    expect(() => messageOf(type, one)).not.toThrow()
})
