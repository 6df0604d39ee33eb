/** The vendored protos. Reading them takes most of the time of a start, so a process reads each once for all of its local clouds. */

import { readFile } from 'node:fs/promises'
import protobuf, { type Root } from 'protobufjs'

const protos = new Map<string, Promise<object>>()

/** The protobufjs JSON in this file, which all callers share: do not change it. */
export function vendoredProto(file: URL): Promise<object> {
  const known = protos.get(file.href)
  if (known) return known
  const read = readFile(file, 'utf8').then((text) => JSON.parse(text) as object)
  protos.set(file.href, read)
  return read
}

/** `read`, called once for each proto. */
export function oncePerProto<Result extends object>(read: (proto: object) => Result): (proto: object) => Result {
  const results = new WeakMap<object, Result>()
  return (proto) => {
    const known = results.get(proto)
    if (known) return known
    const result = read(proto)
    results.set(proto, result)
    return result
  }
}

/** The types and services of a proto. */
export const protoRoot: (proto: object) => Root = oncePerProto((proto) => {
  const root = protobuf.Root.fromJSON(proto)
  root.resolveAll()
  return root
})
