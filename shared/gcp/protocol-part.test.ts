import { createRequire } from 'node:module'
import { join } from 'node:path'
import gax from 'google-gax'
import { describe, expect, it } from 'vitest'
import { gaxOf, partOf } from './protocol-part.ts'

const require = createRequire(import.meta.url)
type Protocol = Parameters<typeof partOf>[0] & Parameters<typeof gax.protobuf.Root.fromJSON>[0]

/** The protocol beside the client's code, as the client reads it. */
const protocolOf = (client: string, file: string): Protocol =>
  require(join(require.resolve(client), file, 'protos', 'protos.json')) as Protocol

const services = [
  ['google.firestore.v1.Firestore', protocolOf('@google-cloud/firestore-api', '../..')],
  ['google.pubsub.v1.Publisher', protocolOf('@google-cloud/pubsub-api', '../..')],
  ['google.pubsub.v1.Subscriber', protocolOf('@google-cloud/pubsub-api', '../..')],
  ['google.cloud.tasks.v2.CloudTasks', protocolOf('@google-cloud/tasks', '../../..')],
] as const

/** Of every message of a protocol, by its full name. */
function messagesOf(protocol: Protocol): Map<string, InstanceType<typeof gax.protobuf.Type>> {
  const found = new Map<string, InstanceType<typeof gax.protobuf.Type>>()
  const visit = (namespace: InstanceType<typeof gax.protobuf.Namespace>): void => {
    if (namespace instanceof gax.protobuf.Type) found.set(namespace.fullName, namespace)
    for (const one of namespace.nestedArray) if (one instanceof gax.protobuf.Namespace) visit(one)
  }
  visit(gax.protobuf.Root.fromJSON(protocol))
  return found
}

interface Method {
  readonly path: string
  requestSerialize(message: object): Buffer
  responseDeserialize(bytes: Buffer): object
}
type Stub = { readonly service: Readonly<Record<string, Method>> }

const stubOf = (loaded: object, service: string): Stub =>
  service.split('.').reduce((at, name) => (at as Record<string, object>)[name]!, loaded) as Stub

describe.each(services)('%s', (service, protocol) => {
  it('has the messages that it needs, whole and resolved, and few others', () => {
    const whole = messagesOf(protocol)
    const part = messagesOf(partOf(protocol, service))
    expect(part.size).toBeGreaterThan(10)
    expect(part.size).toBeLessThan(whole.size * 0.6)
    for (const [name, message] of part) {
      expect(Object.keys(message.fields), name).toEqual(Object.keys(whole.get(name)!.fields))
      for (const field of message.fieldsArray) expect(field.resolve().resolved, field.fullName).toBe(true)
    }
  })

  it("defines its methods as Google's library does, with the same bytes", async () => {
    const ours = stubOf(new (await gaxOf(service)).GrpcClient().loadProtoJSON(protocol), service)
    const google = stubOf(new gax.GrpcClient().loadProtoJSON(protocol), service)
    const defined = (stub: Stub): object[] =>
      Object.values(stub.service).map(({ path, ...method }) => ({
        path,
        originalName: (method as { originalName?: string }).originalName,
        requestStream: (method as { requestStream?: boolean }).requestStream,
        responseStream: (method as { responseStream?: boolean }).responseStream,
      }))
    expect(defined(ours)).toEqual(defined(google))
    for (const [name, method] of Object.entries(ours.service)) {
      const message = { name: 'n', parent: 'p', database: 'd', pageSize: 7 }
      const bytes = method.requestSerialize(message)
      expect(bytes, name).toEqual(google.service[name]!.requestSerialize(message))
      expect(method.responseDeserialize(Buffer.of()), name).toEqual(
        google.service[name]!.responseDeserialize(Buffer.of()),
      )
    }
  })
})

it('resolves a name in the innermost scope that has it, keeps what encloses it, and leaves the rest', () => {
  const int = { type: 'int32' }
  const protocol = {
    nested: {
      a: {
        nested: {
          S: { methods: { Call: { requestType: 'Outer', responseType: 'b.Only' } } },
          Outer: { fields: { kind: { type: 'Kind' }, one: { type: 'Kind.Deep' } }, nested: { Unused: { fields: {} } } },
          Kind: { fields: { n: int }, nested: { Deep: { fields: { again: { type: 'Outer' } } } } },
          Other: { methods: { Call: { requestType: 'Left', responseType: 'Left' } } },
          Left: { fields: { n: int } },
          b: { nested: { Only: { fields: { n: int } }, Kind: { fields: {} } } },
        },
      },
      Kind: { fields: {} },
    },
  }
  const names = (entry: object, prefix = ''): string[] =>
    Object.entries((entry as { nested?: object }).nested ?? {}).flatMap(([name, one]) => [
      prefix + name,
      ...names(one as object, `${prefix}${name}.`),
    ])
  expect(names(partOf(protocol, 'a.S'))).toEqual(['a', 'a.S', 'a.Outer', 'a.Kind', 'a.Kind.Deep', 'a.b', 'a.b.Only'])
})
