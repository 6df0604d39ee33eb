/** Messages as the JSON of the operation that they belong to, and back. */

import {
  type DescField,
  type DescMessage,
  fromJson,
  isFieldSet,
  type JsonValue,
  type Message,
} from '@bufbuild/protobuf'
import { Refused } from '../base/errors.ts'

type Json = Readonly<Record<string, unknown>>

/**
 * Absent fields are left out, an empty list is absent, and 64-bit numbers are numbers.
 * @throws Refused for a field that the message does not have: what a caller sends is never passed over.
 */
export function jsonOf(message: Message, { fields, typeName }: DescMessage): Record<string, unknown> {
  const [unknown] = message.$unknown ?? []
  if (unknown) throw new Refused('invalid-body', `${typeName} has no field with the number ${unknown.no}.`)
  const values = message as unknown as Json
  return Object.fromEntries(
    fields
      .filter((field) => isFieldSet(message, field))
      .map((field) => [field.jsonName, valueOf(values[field.localName], field)]),
  )
}

function valueOf(value: unknown, field: DescField): unknown {
  if (Array.isArray(value)) return value.map((one) => valueOf(one, field))
  // A number that JSON can not hold exactly is refused by the schema, which takes safe integers.
  if (typeof value === 'bigint') return Number(value)
  return field.message ? jsonOf(value as Message, field.message) : value
}

/** An answer as its operation declares it; null is absent. */
export const messageOf = (json: JsonValue, schema: DescMessage): Message =>
  fromJson(schema, json, { ignoreUnknownFields: true })
