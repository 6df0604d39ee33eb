/** Renovate's rules name existing packages and files, and match the pinned versions. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../support/root.ts'

interface Rule {
  readonly description: string
  readonly matchPackageNames: readonly string[]
  readonly allowedVersions?: string
}
interface Manager {
  readonly managerFilePatterns: readonly string[]
  readonly matchStrings: readonly string[]
}
type Versions = Readonly<Record<string, string>>

const json = <T>(file: string): T => JSON.parse(readFileSync(join(root, file), 'utf8')) as T
const { packageRules, customManagers } = json<{ packageRules: Rule[]; customManagers: Manager[] }>(
  '.github/renovate.json',
)
const versions: Versions = Object.assign(
  { node: readFileSync(join(root, '.nvmrc'), 'utf8').trim() },
  ...['package.json', 'emulators/local-cloud/package.json', 'cli/cdktf-cli/package.json'].flatMap((file) => {
    const manifest = json<Record<string, Versions>>(file)
    return ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides'].map((section) => manifest[section])
  }),
) as Versions
const named = new Set([
  ...Object.keys(versions),
  // `npm:@lydell/node-pty@1.1.0`
  ...Object.values(versions).flatMap((version) => /^npm:(.+)@/.exec(version)?.[1] ?? []),
])

describe('Renovate', () => {
  it.each(packageRules)('$description', ({ matchPackageNames, allowedVersions }) => {
    for (const name of matchPackageNames) {
      const prefix = name.replace('{/,}**', '')
      expect([...named].some((one) => one === name || (prefix !== name && one.startsWith(prefix)))).toBe(true)
      if (allowedVersions && /^\d/.test(allowedVersions)) expect(versions[name]).toBe(allowedVersions)
      else if (allowedVersions)
        expect(Number.parseInt(versions[name]!, 10)).toBeLessThan(Number(allowedVersions.slice(1)))
    }
  })

  it.each(customManagers)(
    'finds exactly one image in $managerFilePatterns',
    ({ managerFilePatterns, matchStrings }) => {
      const file = managerFilePatterns[0]!.replaceAll(/^\/\^|\$\/$|\\/g, '')
      expect(readFileSync(join(root, file), 'utf8').match(new RegExp(matchStrings[0]!, 'g'))).toHaveLength(1)
    },
  )
})
