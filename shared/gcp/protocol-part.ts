/**
 * The part of Google's client library that one of its services needs. A client's package describes every service and version of its
 * protocol, with Google's annotations, and the library builds all of it, and a descriptor of it, whenever a client is made:
 * two thirds of the processor time in which a client is loaded. This builds one service and the messages to which it refers.
 */

import type { GrpcObject, MethodDefinition } from '@grpc/grpc-js'
import type google from 'google-gax'

type Gax = typeof google
type Type = InstanceType<Gax['protobuf']['Type']>
type Protocol = Parameters<InstanceType<Gax['GrpcClient']>['loadProtoJSON']>[0]

/** An entry of a protocol in protobuf.js's JSON: a package, a message, an enum or a service. */
interface Entry {
  readonly nested?: Readonly<Record<string, Entry>>
  readonly fields?: Readonly<Record<string, { readonly type: string }>>
  readonly values?: object
  readonly methods?: Readonly<Record<string, { readonly requestType: string; readonly responseType: string }>>
}

/** Service → the second parameter of its clients, whose messages are built once, for the first client. */
const made = new Map<string, Promise<Gax>>()

/** @param service such as `google.pubsub.v1.Publisher`; its client can call no other one, of IAM or of locations */
export function gaxOf(service: string): Promise<Gax> {
  let one = made.get(service)
  if (!one) {
    one = make(service)
    made.set(service, one)
  }
  return one
}

async function make(service: string): Promise<Gax> {
  const gax = (await import('google-gax')).default
  let loaded: GrpcObject | undefined
  class GrpcClient extends gax.GrpcClient {
    override loadProtoJSON(json: Protocol): GrpcObject {
      loaded ??= this.grpc.loadPackageDefinition({ [service]: methodsOf(gax, partOf(json as Entry, service), service) })
      return loaded
    }
  }
  return { ...gax, GrpcClient, ...({ IamClient: Unused, LocationsClient: Unused } as unknown as Mixins) }
}

/** Each client makes and closes them for methods that no service calls, by protocols of their own. */
type Mixins = Pick<Gax, 'IamClient' | 'LocationsClient'>

class Unused {
  async close(): Promise<void> {}
}

/** As Google's library defines them: 64-bit integers and enums as text, and every field with its default. */
const asObject = { longs: String, enums: String, defaults: true, oneofs: true }

function methodsOf(gax: Gax, part: Entry, service: string): Record<string, MethodDefinition<object, object>> {
  const { methodsArray } = gax.protobuf.Root.fromJSON(part).lookupService(service)
  const encode = (type: Type) => (message: object) => type.encode(type.fromObject(message)).finish() as Buffer
  const decode = (type: Type) => (bytes: Uint8Array) => type.toObject(type.decode(bytes), asObject) as object
  return Object.fromEntries(
    methodsArray.map((method) => {
      method.resolve()
      const { name, requestStream = false, responseStream = false } = method
      const [request, response] = [method.resolvedRequestType!, method.resolvedResponseType!]
      const definition = {
        path: `/${service}/${name}`,
        originalName: `${name[0]!.toLowerCase()}${name.slice(1)}`,
        requestStream,
        responseStream,
        requestSerialize: encode(request),
        requestDeserialize: decode(request),
        responseSerialize: encode(response),
        responseDeserialize: decode(response),
      }
      return [name, definition]
    }),
  )
}

/** The protocol with nothing but this service, the messages and enums that it needs, and what encloses each of them. */
export function partOf(protocol: Entry, service: string): Entry {
  const needed = new Set<string>([''])
  const waiting = [service]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (needed.has(name)) continue
    needed.add(name)
    waiting.push(enclosing(name), ...namesIn(entryOf(protocol, name)!).flatMap((one) => resolve(protocol, name, one)))
  }
  const reduced = (entry: Entry, prefix: string): Entry => {
    if (!entry.nested) return entry
    const nested = Object.entries(entry.nested)
      .filter(([name]) => needed.has(prefix + name))
      .map(([name, one]) => [name, reduced(one, `${prefix}${name}.`)] as const)
    return { ...entry, nested: Object.fromEntries(nested) }
  }
  return reduced(protocol, '')
}

const entryOf = (protocol: Entry, name: string): Entry | undefined =>
  name === '' ? protocol : name.split('.').reduce<Entry | undefined>((entry, part) => entry?.nested?.[part], protocol)

const enclosing = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf('.')))

const namesIn = ({ fields = {}, methods = {} }: Entry): string[] => [
  ...Object.values(fields).map(({ type }) => type),
  ...Object.values(methods).flatMap(({ requestType, responseType }) => [requestType, responseType]),
]

/** By the rule of Protocol Buffers: a name is that of the innermost scope that has it. Empty for a scalar. */
function resolve(protocol: Entry, scope: string, name: string): string[] {
  for (let at = scope; ; at = enclosing(at)) {
    const full = at === '' ? name : `${at}.${name}`
    const found = entryOf(protocol, full)
    if (found?.fields ?? found?.values) return [full]
    if (at === '') return []
  }
}
