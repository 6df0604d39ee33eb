/** `npm run sbom` writes valid CycloneDX with every package of the lockfiles. */

import { registerSchema, type SchemaObject, validate } from '@hyperjump/json-schema/draft-07'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { imagePackages } from '../support/image.ts'
import { root } from '../support/root.ts'

interface Component {
  readonly purl: string
  readonly version: string
  readonly licenses?: readonly object[]
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
}
interface Locked {
  readonly name?: string
  readonly version: string
  readonly integrity?: string
  readonly inBundle?: boolean
}
const npm = spawnSync('npm', ['--version'], { encoding: 'utf8' }).stdout.trim()
const isOld = Number.parseInt(npm, 10) < 11
if (isOld) console.log(`No bill is written by npm ${npm}: it takes npm 11.`)

const json = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T

let folder: string
beforeAll(() => {
  if (isOld) return
  folder = mkdtempSync(join(tmpdir(), 'millrace-bills-'))
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'cli/sbom.ts'), '--output', folder], {
    encoding: 'utf8',
  })
  expect([status, stderr]).toEqual([0, ''])
  for (const name of ['spdx', 'jsf-0.82', 'bom-1.5'])
    registerSchema(json<SchemaObject>(join(root, `test/data/cyclonedx/${name}.schema.json`)))
}, 60_000)
afterAll(() => {
  if (!isOld) rmSync(folder, { recursive: true, force: true })
})

const components = (name: string): readonly Component[] =>
  json<{ components: Component[] }>(join(folder, `${name}.cdx.json`)).components

/** Package URL → its hash in the lockfile; undefined if it is bundled in another package. */
function locked(lockfile: string, paths?: readonly string[]): Map<string, string | undefined> {
  const { packages } = json<{ packages: Record<string, Locked> }>(join(root, lockfile))
  const found = new Map<string, string | undefined>()
  for (const path of paths ?? Object.keys(packages).filter((one) => one !== '')) {
    const { name = path.slice(path.lastIndexOf('node_modules/') + 13), version, integrity } = packages[path]!
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
    const hash = integrity && Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')
    found.set(purl, hash ?? found.get(purl))
  }
  return found
}

describe.skipIf(isOld).each([
  ['image', () => locked('package-lock.json', imagePackages())],
  ['repository', () => locked('package-lock.json')],
  ['cdktf-cli', () => locked('cli/cdktf-cli/package-lock.json')],
])('the bill of the %s', (name, packages) => {
  it('is valid CycloneDX 1.5', async () => {
    const bill = json<object>(join(folder, `${name}.cdx.json`))
    const isValid = await validate('http://cyclonedx.org/schema/bom-1.5.schema.json')
    expect(isValid(bill as never)).toEqual({ valid: true })
    expect(isValid({ ...bill, components: [{ name: 'no type' }] }).valid).toBe(false)
  })

  it('holds each package of the lockfile with its version and hash, and no other', () => {
    const hashes = components(name)
      .filter(({ purl }) => purl.startsWith('pkg:npm/'))
      .map(({ purl, hashes: [hash] = [] }) => [purl, hash?.content] as const)
    expect(Object.fromEntries(hashes)).toEqual(Object.fromEntries(packages()))
  })
})

describe.skipIf(isOld)('the bill of the image', () => {
  it('names the licence of each package', () => {
    const nameless = components('image').filter(
      ({ purl, licenses = [] }) => purl.startsWith('pkg:npm/') && licenses.length === 0,
    )
    expect(nameless).toEqual([])
  })

  it('holds the base image of the Dockerfile by its digest', () => {
    const [, digest] = /^FROM node:\S+@sha256:([0-9a-f]{64})$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))!
    const base = components('image').filter(({ purl }) => purl.startsWith('pkg:oci/node@'))
    expect(base.map(({ hashes }) => hashes)).toEqual([[{ alg: 'SHA-256', content: digest }]])
  })
})

it('is refused by an npm that writes no valid SBOM', () => {
  const programs = mkdtempSync(join(tmpdir(), 'millrace-old-npm-'))
  writeFileSync(join(programs, 'npm'), '#!/bin/sh\necho 10.9.9\n', { mode: 0o755 })
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'cli/sbom.ts')], {
    encoding: 'utf8',
    env: { PATH: `${programs}:/usr/bin:/bin` },
  })
  rmSync(programs, { recursive: true })
  expect([status, stderr]).toEqual([
    1,
    'npm 10.9.9 can not write a valid SBOM: it needs npm 11 or newer, which comes with Node 24.\n',
  ])
})
