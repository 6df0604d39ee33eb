/** Makes the vendored `*.proto.json` from the packages that Google publishes them in: `node emulators/local-cloud/scripts/vendor-protos.ts`. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
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

/** The source package of each vendored file, and the parts that are left out. */
interface Source {
  readonly from: string
  readonly without: readonly string[]
}

const ENDING = '.proto.source.json'
for (const source of readdirSync(cloud, { encoding: 'utf8', recursive: true })) {
  if (!source.endsWith(ENDING)) continue
  const { from, without } = JSON.parse(readFileSync(join(cloud, source), 'utf8')) as Source
  const to = source.replace(ENDING, '.proto.json')
  writeFileSync(join(cloud, to), `${JSON.stringify(trim(read(from), '', without))}\n`)
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
