/** Protocol Buffer definitions: https://cloud.google.com/pubsub/docs/schemas, https://cloud.google.com/pubsub/docs/commit-schema-revision */

import protobuf from 'protobufjs'
import { messageOf, parseBody } from '../../core/api/rest-json.ts'
import type { Definition } from './definition.ts'

interface ProtocolBufferDefinition extends Definition {
  readonly message: protobuf.Type
}

/** @throws Error with the reason when the text is no definition of one message */
export function protocolBufferDefinition(text: string): ProtocolBufferDefinition {
  const { root, imports = [], weakImports = [] } = protobuf.parse(text, new protobuf.Root(), { keepCase: true })
  const [imported] = [...imports, ...weakImports]
  if (imported !== undefined) throw new Error(`it imports ${imported}, and a schema may import no other file`)
  const messages = topLevelMessages(root)
  const [message, second] = messages
  if (!message || second)
    throw new Error(`it has ${messages.length} messages at its top level, and a schema has exactly one`)
  root.resolveAll()
  return {
    message,
    check(data, encoding) {
      // Of a Buffer, protobufjs reads a string that is cut off as a shorter one; of an array, it refuses it.
      const value =
        encoding === 'BINARY'
          ? message.decode(new Uint8Array(data))
          : messageOf(message, parseBody(data.toString('utf8')))
      const problem = message.verify(value)
      if (problem !== null) throw new Error(problem)
    },
    checkFollows: (former) => checkMessage(message, (former as ProtocolBufferDefinition).message),
  }
}

/** Also those within the namespaces of packages. */
const topLevelMessages = (namespace: protobuf.NamespaceBase): protobuf.Type[] =>
  namespace.nestedArray.flatMap((one) => {
    if (one instanceof protobuf.Type) return [one]
    return one instanceof protobuf.Namespace ? topLevelMessages(one) : []
  })

/** Optional fields may be added or removed; nothing else may differ. */
function checkMessage(next: protobuf.Type, former: protobuf.Type): void {
  if (next.fullName !== former.fullName) throw new Error(`the message is ${nameOf(next)}, and was ${nameOf(former)}`)
  checkFields(next, former)
  for (const inside of next.nestedArray) {
    const before = former.get(inside.name)
    if (inside instanceof protobuf.Type && before instanceof protobuf.Type) checkMessage(inside, before)
    if (inside instanceof protobuf.Enum && before instanceof protobuf.Enum) checkEnum(inside, before)
  }
}

function checkFields(next: protobuf.Type, former: protobuf.Type): void {
  for (const field of next.fieldsArray) {
    const before = former.fieldsById[field.id]
    if (!before && !isOptional(field))
      throw new Error(`${nameOf(field)} = ${field.id} is missing in the previous revision, and is not optional`)
    if (before && shapeOf(before) !== shapeOf(field))
      throw new Error(`${nameOf(field)} is "${shapeOf(field)}", and was "${shapeOf(before)}"`)
  }
  for (const before of former.fieldsArray)
    if (!next.fieldsById[before.id] && !isOptional(before))
      throw new Error(`${nameOf(before)} = ${before.id} is missing in the new revision, and is not optional`)
}

function checkEnum(next: protobuf.Enum, former: protobuf.Enum): void {
  for (const [one, other, where] of [
    [next, former, 'previous'],
    [former, next, 'new'],
  ] as const)
    for (const [name, value] of Object.entries(one.values))
      if (other.values[name] !== value)
        throw new Error(`${nameOf(one)}.${name} = ${value} is missing in the ${where} revision`)
}

const nameOf = ({ fullName }: protobuf.ReflectionObject): string => fullName.slice(1)
const isOptional = (field: protobuf.Field): boolean => !field.required && !field.repeated && !field.map
const shapeOf = (field: protobuf.Field): string => {
  const type = field instanceof protobuf.MapField ? `map<${field.keyType}, ${field.type}>` : field.type
  const rule = field.required ? 'required ' : field.repeated ? 'repeated ' : ''
  return `${rule}${type} ${field.name} = ${field.id}${field.partOf ? ` in ${field.partOf.name}` : ''}`
}
