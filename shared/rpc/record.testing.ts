/**
 * Records the operations of a service as remote procedures. What is recorded keeps its number; what is new gets the next one. A field
 * that was recorded is never removed, so its number is never given to another one.
 */

import protobuf from 'protobufjs'
import { z } from 'zod'
import { numberParameters } from '../base/paging.ts'
import {
  fieldNameOf,
  type FieldRecord,
  isScalar,
  type MessageRecord,
  type PackageRecord,
  requestOf,
  responseOf,
  type RpcRecord,
} from '../contracts/rpc-record.ts'
import type { Operation } from '../service/operation.ts'
import { isRpc, rpcNameOf, serviceNameOf } from './names.ts'

export interface Schema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly minItems?: number
  readonly anyOf?: readonly Schema[]
  readonly additionalProperties?: unknown
  readonly minimum?: number
  readonly maximum?: number
}

type Messages = Record<string, Record<string, FieldRecord>>

export interface Recorded {
  readonly record: RpcRecord
  /** `millrace.kitchen.v1.ListRequest.status` → the texts that it may be. They are no enum of protobuf's, so that more can follow. */
  readonly values: ReadonlyMap<string, readonly unknown[]>
}

/** @throws Error for a schema that no message can say: it names the field and the remedy. */
export function recordOf(owner: string, operations: Readonly<Record<string, Operation>>, old: RpcRecord): Recorded {
  const values = new Map<string, readonly unknown[]>()
  const now: Record<string, { methods: Record<string, { operation: string; reads?: true }>; messages: Messages }> = {}
  for (const [id, operation] of Object.entries(operations)) {
    if (!isRpc(operation)) continue
    const { package: packageName, method } = rpcNameOf(owner, id, operation)
    const was: PackageRecord = old[packageName] ?? { methods: {}, messages: {} }
    const one = (now[packageName] ??= { methods: {}, messages: {} })
    one.methods[method] = { operation: id, ...(operation.method === 'get' ? { reads: true } : {}) }
    const adding = { packageName, messages: one.messages, was: was.messages, values }
    add(requestOf(method), requestSchema(operation), { ...adding, isRequest: true })
    add(responseOf(method), answerSchema(id, operation), { ...adding, isRequest: false })
  }
  return { record: now, values }
}

interface Adding {
  readonly packageName: string
  readonly values: Map<string, readonly unknown[]>
  readonly messages: Messages
  readonly was: PackageRecord['messages']
  readonly isRequest: boolean
}

export const jsonSchema = (schema: z.ZodType, io: 'input' | 'output'): Schema =>
  z.toJSONSchema(schema, { io }) as Schema

/** Parameters and body as the fields of one message. */
export function requestSchema({ path, parameters = {}, body }: Operation): Schema {
  const given = body ? jsonSchema(body, 'input') : { properties: {} }
  const twice = Object.keys(parameters).find((name) => given.properties && Object.hasOwn(given.properties, name))
  if (twice !== undefined)
    throw new Error(`${path} has ${twice} both as a parameter and in its body: call one otherwise.`)
  return {
    ...given,
    type: 'object',
    properties: {
      ...Object.fromEntries(Object.entries(parameters).map(([name, schema]) => [name, parameterSchema(schema)])),
      ...given.properties,
    },
  }
}

const parameterSchema = (schema: z.ZodType): Schema =>
  numberParameters.has(schema) ? { type: 'integer' } : jsonSchema(schema, 'input')

/** The fields of all answers: which of them are there says which answer it is. */
export function answerSchema(id: string, { answers }: Operation): Schema {
  const properties: Record<string, Schema> = {}
  // In the order of their statuses, of which the most complete answer is the first.
  for (const [, schema] of Object.values(answers)) {
    const answer = schema ? jsonSchema(schema, 'output') : { type: 'object' }
    for (const [name, one] of Object.entries(answer.properties ?? {})) {
      const known = properties[name]
      if (known && kindOf(known) !== kindOf(one))
        throw new Error(`Two answers of ${id} have ${name} of different types: call one otherwise.`)
      properties[name] = one
    }
    if (answer.type !== 'object') throw new Error(`${id} answers with no object: put it into one.`)
  }
  return { type: 'object', properties }
}

const kindOf = (schema: Schema): string => JSON.stringify([schema.type, schema.items?.type])

function add(message: string, { properties = {}, required = [] }: Schema, adding: Adding): void {
  const was = adding.was[message] ?? {}
  const fields: Record<string, FieldRecord> = (adding.messages[message] = {})
  let last = Math.max(0, ...Object.values(was).map(({ number }) => number))
  // The recorded ones first, in their order: a new one is at the end, wherever its schema has it.
  const names = [
    ...Object.keys(was).filter((name) => Object.hasOwn(properties, name)),
    ...Object.keys(properties).filter((name) => !Object.hasOwn(was, name)),
  ]
  for (const name of names) {
    const place = `${message}.${name}`
    if (!/^[a-z][a-zA-Z0-9]*$/.test(name))
      throw new Error(`${place} can not be the name of a field: begin with a small letter, and use letters and digits.`)
    const { type, repeated } = typeOf(place, properties[name]!, adding)
    if (repeated && adding.isRequest && required.includes(name) && !properties[name]!.minItems)
      throw new Error(
        `${place} is required and may be empty, and a message can not tell the two apart: give it min(1), or make it optional.`,
      )
    fields[name] = { number: was[name]?.number ?? ++last, type, ...(repeated ? { repeated } : {}) }
  }
}

function typeOf(place: string, schema: Schema, adding: Adding): Pick<FieldRecord, 'type' | 'repeated'> {
  const { anyOf, items, properties, additionalProperties } = schema
  const type = typeIn(schema)
  const some = anyOf?.filter((one) => one.type !== 'null')
  // Null is absent.
  if (some?.length === 1) return typeOf(place, some[0]!, adding)
  if (type === 'array' && items && items.type !== 'array') return { ...typeOf(place, items, adding), repeated: true }
  if (type === 'object' && properties && !isOpen(additionalProperties)) {
    const name = messageNameOf(place)
    add(name, schema, adding)
    return { type: name }
  }
  const scalar = scalarOf(schema)
  if (!scalar)
    throw new Error(
      `${place} has a schema that no field can say (${JSON.stringify(schema).slice(0, 100)}): name its fields.`,
    )
  const allowed = schema.enum ?? (schema.const === undefined || schema.const === true ? undefined : [schema.const])
  if (allowed) adding.values.set(`${adding.packageName}.${place}`, allowed)
  return { type: scalar }
}

/** Null is absent. */
export const typeIn = ({ type }: Schema): string | undefined =>
  typeof type === 'object' ? type.find((one) => one !== 'null') : type

export const isOpen = (additional: unknown): boolean => additional !== undefined && additional !== false

export function scalarOf(schema: Schema): string | undefined {
  const sample = schema.const ?? schema.enum?.[0]
  const type = typeIn(schema) ?? typeof sample
  if (type === 'string') return 'string'
  if (type === 'boolean') return 'bool'
  if (type === 'integer') return 'int64'
  return type === 'number' ? 'double' : undefined
}

/** `PlaceRequest.lines` → `PlaceRequest.Line`. */
export function messageNameOf(place: string): string {
  const at = place.lastIndexOf('.') + 1
  const name = place.slice(at)
  const single = name
    .replace(/ies$/, 'y')
    .replace(/(ss|x)es$/, '$1')
    .replace(/(?<!s)s$/, '')
  return `${place.slice(0, at)}${single.charAt(0).toUpperCase()}${single.slice(1)}`
}

/** The changes after which a client with the recorded `.proto` file no longer understands, each with its place. */
export function rpcBreaksOf(old: RpcRecord, now: RpcRecord): string[] {
  return Object.entries(old).flatMap(([name, was]) => {
    const is = now[name]
    if (!is) return [`${name} is gone`]
    return [...ofMethods(name, was.methods, is.methods), ...ofMessages(name, was.messages, is.messages)]
  })
}

const ofMethods = (name: string, was: PackageRecord['methods'], is: PackageRecord['methods']): string[] =>
  Object.keys(was).flatMap((method) => (Object.hasOwn(is, method) ? [] : [`${name} ${method} is gone`]))

const ofMessages = (name: string, was: PackageRecord['messages'], is: PackageRecord['messages']): string[] =>
  Object.entries(was).flatMap(([message, fields]) => {
    const now: MessageRecord | undefined = is[message]
    if (!now) return [`${name} ${message} is gone`]
    return Object.entries(fields).flatMap(([field, recorded]) => {
      const place = `${name} ${message}.${fieldNameOf(field)}`
      const found = now[field]
      if (!found) return [`${place} is gone: its number ${recorded.number} stays its own`]
      const changed = (['number', 'type', 'repeated'] as const).filter((one) => recorded[one] !== found[one])
      return changed.map((one) => `${place}: ${one} was ${recorded[one] ?? 'absent'}, and is ${found[one] ?? 'absent'}`)
    })
  })

/** The fields whose recorded numbers are not those of the `.proto` file that clients have: no record may turn them. */
export function protoBreaksOf(text: string, packageName: string, { messages }: PackageRecord): string[] {
  const { root } = protobuf.parse(text, { keepCase: true })
  return fieldsOf(root).flatMap(({ parent, name, id }) => {
    const message = parent!.fullName.slice(`.${packageName}.`.length)
    const recorded = Object.entries(messages[message] ?? {}).find(([field]) => fieldNameOf(field) === name)?.[1].number
    const place = `${packageName} ${message}.${name}`
    return recorded === id
      ? []
      : [`${place}: the .proto file has the number ${id}, and the record ${recorded ?? 'none'}`]
  })
}

const fieldsOf = ({ nestedArray }: protobuf.NamespaceBase): protobuf.Field[] =>
  nestedArray.flatMap((one) => [
    ...(one instanceof protobuf.Type ? one.fieldsArray : []),
    ...(one instanceof protobuf.Namespace ? fieldsOf(one) : []),
  ])

/** Numbers that two fields of one message share. */
export const sharedNumbers = (record: RpcRecord): string[] =>
  Object.entries(record).flatMap(([name, { messages }]) =>
    Object.entries(messages).flatMap(([message, fields]) => {
      const numbers = Object.values(fields).map(({ number }) => number)
      return new Set(numbers).size === numbers.length ? [] : [`${name} ${message}`]
    }),
  )

/** The `.proto` file of a package. */
export function protoOf(
  packageName: string,
  { methods, messages }: PackageRecord,
  describe: (operation: string) => string,
  values: Recorded['values'],
): string {
  const owner = packageName.split('.').at(-2)!.replaceAll('_', '-')
  const allowed = (field: string): readonly unknown[] | undefined => values.get(`${packageName}.${field}`)
  const lines = [
    '// Made from the operations of the service (functions/*/api.ts) by npm run record.',
    '// Each field has presence: one that is absent is not sent. Numbers of fields are recorded in the rpc.json of the service.',
    '',
    'syntax = "proto3";',
    '',
    `package ${packageName};`,
    '',
    `service ${serviceNameOf(owner)} {`,
    ...Object.entries(methods).flatMap(([method, { operation, reads }]) => [
      `  // ${describe(operation)}`,
      `  rpc ${method}(${requestOf(method)}) returns (${responseOf(method)})${reads ? ' {' : ';'}`,
      ...(reads ? ['    option idempotency_level = NO_SIDE_EFFECTS;', '  }'] : []),
    ]),
    '}',
    ...messagesText('', messages, '', allowed),
  ]
  return `${lines.join('\n')}\n`
}

function messagesText(
  outer: string,
  messages: PackageRecord['messages'],
  indent: string,
  allowed: (field: string) => readonly unknown[] | undefined,
): string[] {
  return Object.entries(messages)
    .filter(([name]) => name.startsWith(outer) && !name.slice(outer.length).includes('.'))
    .flatMap(([name, fields]) => [
      '',
      `${indent}message ${name.slice(outer.length)} {`,
      ...Object.entries(fields).flatMap(([field, { number, type, repeated }]) => {
        const values = allowed(`${name}.${field}`)
        const label = repeated ? 'repeated ' : isScalar(type) ? 'optional ' : ''
        return [
          ...(values ? [`${indent}  // ${values.join(', ')}`] : []),
          `${indent}  ${label}${isScalar(type) ? type : type.slice(type.lastIndexOf('.') + 1)} ${fieldNameOf(field)} = ${number};`,
        ]
      }),
      ...messagesText(`${name}.`, messages, `${indent}  `, allowed),
      `${indent}}`,
    ])
}
