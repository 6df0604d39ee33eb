/** Values in JSON that are not of their field's type: the serializer would round, cut or drop them. */

import protobuf from 'protobufjs'
import { expect, it } from 'vitest'
import { messageOf } from './rest-json.ts'

const type = new protobuf.Type('Sample')
for (const [index, name] of ['int32', 'uint32', 'int64', 'uint64', 'double', 'bool', 'string', 'bytes'].entries())
  type.add(new protobuf.Field(`a_${name}`, index + 1, name))
type.add(new protobuf.Field('list', 20, 'int64', 'repeated'))
type.add(new protobuf.MapField('map', 21, 'string', 'int32'))
new protobuf.Root().add(type)

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
