/** Avro definitions: https://cloud.google.com/pubsub/docs/schemas, https://avro.apache.org/docs/1.11.0/spec.html */

import avro from 'avsc'
import { isDeepStrictEqual } from 'node:util'
import { parseJson } from '../../core/json.ts'
import type { Definition } from './definition.ts'

/** avsc reads a long as a number and refuses those beyond 2^53. */
const long = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer(value: bigint) {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  // Throws for a number that is no integer.
  fromJSON: (value: unknown) => BigInt(value as number),
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
})

export interface AvroDefinition extends Definition {
  readonly type: avro.Type
}

/** @throws Error with the reason when the text is no Avro schema */
export function avroDefinition(text: string): AvroDefinition {
  const schema = parseJson(text) as avro.Schema
  const type = avro.Type.forSchema(schema, { registry: { long } })
  return {
    type,
    check(data, encoding) {
      if (encoding === 'BINARY') {
        type.fromBuffer(data)
        return
      }
      const json = parseJson(data.toString('utf8'))
      // avsc passes over fields that the schema lacks, and fills in defaults: Avro's JSON has exactly the fields of its schema.
      const read = JSON.parse(type.toString(type.fromString(JSON.stringify(json)))) as unknown
      if (!isDeepStrictEqual(read, JSON.parse(JSON.stringify(json))))
        throw new Error(
          `JSON object has other fields or values than the schema: it reads as ${JSON.stringify(read).slice(0, 200)}`,
        )
    },
    // https://cloud.google.com/pubsub/docs/commit-schema-revision: as if the new revision were both reader and writer.
    checkFollows(former) {
      const before = (former as AvroDefinition).type
      type.createResolver(before)
      before.createResolver(type)
    },
  }
}
