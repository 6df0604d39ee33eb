/** Packages of npm: exact versions, and a lockfile with the integrity of each. */

import { readDockerfile } from './dockerfile.ts'
import { findInShell } from './installs.ts'

type Versions = Readonly<Record<string, string>>

export interface Manifest {
  readonly workspaces?: readonly string[]
  readonly scripts?: Versions
  readonly dependencies?: Versions
  readonly devDependencies?: Versions
  readonly optionalDependencies?: Versions
  /** npm installs these too. */
  readonly peerDependencies?: Versions
  readonly overrides?: Versions
  /** Package → whether its install script may run. */
  readonly allowScripts?: Readonly<Record<string, boolean>>
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

interface LockedPackage extends Manifest {
  /** The package's name if it differs from the folder's: `npm:other@1.2.3`. */
  readonly name?: string
  readonly integrity?: string
  readonly resolved?: string
  /** The package is part of another package's tarball, whose integrity covers it. */
  readonly inBundle?: boolean
  readonly bundleDependencies?: readonly string[]
  readonly hasInstallScript?: boolean
  /** A workspace: a folder of the project. */
  readonly link?: boolean
}

const sections = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const
/** `1.2.3`, `1.2.3-r.1`, `npm:other@1.2.3` */
const exact = /^(?:npm:(?:@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$/

export function findInManifest(manifest: Manifest): string[] {
  const versions = [...sections, 'overrides' as const].flatMap((section) => Object.entries(manifest[section] ?? {}))
  const hooks = Object.keys(manifest.scripts ?? {}).filter((name) =>
    /^(?:pre|post)?(?:install|prepare)$|^prepublish$|^dependencies$/.test(name),
  )
  const allowed = Object.entries(manifest.allowScripts ?? {}).filter(([, mayRun]) => mayRun)
  return [
    ...versions
      .filter(([, version]) => !exact.test(version))
      .map(([name, version]) => `${name} ${version} is no exact version — name one, as 1.2.3`),
    ...Object.values(manifest.scripts ?? {}).flatMap(findInShell),
    ...hooks.map((name) => `the script ${name} runs at each install — let the command that needs it do it`),
    ...allowed.map(([name]) => `allowScripts lets ${name} run its install script — false, and do without it`),
  ]
}

/** @param allowScripts lists each package with an install script, so that a new one needs a review. */
export function findInLockfile(
  { packages }: Lockfile,
  manifest: Manifest,
  allowScripts: Readonly<Record<string, boolean>>,
): string[] {
  const { workspaces = [] } = manifest
  const same = sections.every((section) => isSame(packages['']?.[section], manifest[section]))
  const findings = same ? [] : ['it is of another package.json — run npm install --package-lock-only --ignore-scripts']
  const aliases = aliasesOf([manifest, ...Object.values(packages)])
  for (const [path, locked] of Object.entries(packages)) {
    const { integrity = '', inBundle, link, resolved, hasInstallScript } = locked
    // The project, and its workspaces with their links.
    if (path === '' || workspaces.includes(link ? resolved! : path)) continue
    const folder = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const name = locked.name ?? folder
    if (name !== folder && !aliases.has(`${folder} ${name}`))
      findings.push(`${path} holds ${name}, which no manifest requests under that name — install the package again`)
    if (!(inBundle && isBundled(path, packages)) && !integrity.startsWith('sha512-'))
      findings.push(`${path} has no sha512 integrity — restore it, or install the package again from the registry`)
    if (resolved && !resolved.startsWith(`https://registry.npmjs.org/${name}/-/`))
      findings.push(`${path} comes from ${resolved} — take it from the registry`)
    if (hasInstallScript && !(name in allowScripts))
      findings.push(
        `${path} has an install script — see that it works without, then add "${name}": false to allowScripts`,
      )
  }
  return findings
}

/** `folder name` of each aliased package: npm installs any package that the lockfile names for a folder. */
function aliasesOf(dependents: readonly Manifest[]): Set<string> {
  const requested = dependents.flatMap((one) =>
    [...sections, 'overrides' as const].flatMap((section) => Object.entries(one[section] ?? {})),
  )
  return new Set(
    requested.flatMap(([folder, version]) => {
      const [, name] = /^npm:(@?[^@]+)/.exec(version) ?? []
      return name ? [`${folder} ${name}`] : []
    }),
  )
}

/** Checks the npm configuration of one folder. */
export function findInConfiguration(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replaceAll(/\s/g, ''))
  const scripts = lines.filter((line) => /^ignore-scripts\b/.test(line)).at(-1)
  const registries = lines.filter(
    (line) => /^(?:@[^:]+:)?registry=/.test(line) && !/=https:\/\/registry\.npmjs\.org\/?$/.test(line),
  )
  return [
    ...(scripts === 'ignore-scripts=true' ? [] : ['it lets packages run scripts — ignore-scripts=true']),
    ...registries.map((line) => `${line} is not the registry — take packages from https://registry.npmjs.org`),
  ]
}

/**
 * Whether the package is in another package's tarball: listed by that one, or a dependency of a listed one. npm fetches a
 * package that the lockfile wrongly marks as bundled, without integrity.
 */
function isBundled(path: string, packages: Lockfile['packages']): boolean {
  const [, bundler, name] = /^(.+?)\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? []
  const { bundleDependencies = [], integrity = '' } = packages[bundler ?? ''] ?? {}
  if (!integrity.startsWith('sha512-') || bundleDependencies.length === 0) return false
  const beside = Object.entries(packages).filter(([one]) => one.startsWith(`${bundler}/node_modules/`))
  return (
    bundleDependencies.includes(name!) ||
    beside.some(([one, { inBundle, ...needs }]) => {
      const needed = sections.flatMap((section) => Object.keys(needs[section] ?? {}))
      return one !== path && inBundle && needed.includes(name!)
    })
  )
}

function isSame(one: Versions = {}, other: Versions = {}): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...names].every((name) => one[name] === other[name])
}

/** One Node everywhere: laptops by npm, CI by .nvmrc, containers by their base image. */
export function findNodeVersions({ optionalDependencies = {} }: Manifest, nvmrc: string, dockerfile: string): string[] {
  const brought = Object.entries(optionalDependencies).filter(([name]) => name.startsWith('node-'))
  const places = [
    ...brought.map(([name, version]) => [`package.json: ${name}`, version] as const),
    ['.nvmrc:', nvmrc.trim()] as const,
    ...readDockerfile(dockerfile)
      .filter(({ name }) => name === 'FROM')
      .flatMap(({ words }) => /^(?:docker\.io\/)?(?:library\/)?node:(\d[\d.]*)/.exec(words)?.[1] ?? [])
      .map((version) => ['Dockerfile: node', version] as const),
  ]
  const wanted = brought[0]?.[1]
  return places
    .filter(([, version]) => version !== wanted)
    .map(([place, version]) => `${place} ${version} is not ${wanted} — one Node everywhere`)
}
