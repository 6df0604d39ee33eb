/** Makes the vendored `*.proto.json` from the packages that Google publishes them in: `node emulators/local-cloud/scripts/vendor-protos.ts`. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Namespace {
  readonly nested?: Record<string, Namespace>
  readonly methods?: unknown
  readonly parsedOptions?: unknown
  readonly options?: unknown
}

const cloud = join(import.meta.dirname, '..')
const root = join(cloud, '..', '..')
const read = (path: string): Namespace =>
  JSON.parse(readFileSync(join(root, 'node_modules', path), 'utf8')) as Namespace

/** Which file is made from which package, and what of it is left out. */
const files = [
  { to: 'pubsub/pubsub.proto.json', from: '@google-cloud/pubsub-api/build/protos/protos.json', without: [] },
  { to: 'firestore/firestore.proto.json', from: '@google-cloud/firestore-api/build/protos/protos.json', without: [] },
  {
    to: 'cloud-tasks/cloud-tasks.proto.json',
    from: '@google-cloud/tasks/build/protos/protos.json',
    without: ['google.cloud.tasks.v2beta2', 'google.cloud.tasks.v2beta3'],
  },
  { to: 'iam/iam.proto.json', from: 'google-gax/build/protos/iam_service.json', without: [] },
  { to: 'core/rpc-status.proto.json', from: 'google-gax/build/protos/status.json', without: [] },
] as const

for (const { to, from, without } of files) {
  const trimmed = trim(read(from), '', without)
  writeFileSync(join(cloud, to), `${JSON.stringify(trimmed)}\n`)
}

/** Keeps `parsedOptions` of methods alone: the REST side is derived from their `google.api.http`. */
function trim(node: Namespace, path: string, without: readonly string[]): Namespace {
  const { parsedOptions: _parsed, options: _options, ...kept } = node as Namespace & { options?: unknown }
  if (!kept.nested) return kept
  const nested = Object.entries(kept.nested)
    .map(([name, child]) => [name, child, path === '' ? name : `${path}.${name}`] as const)
    .filter(([, , full]) => !without.includes(full))
    .map(([name, child, full]) => [name, trim(child, full, without)] as const)
  return { ...kept, nested: Object.fromEntries(nested) }
}
