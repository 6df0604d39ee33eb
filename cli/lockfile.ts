/** Reads package-lock.json (version 3): the packages of an installation. */

export interface LockedPackage {
  readonly name?: string
  readonly version?: string
  readonly integrity?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

export interface Lockfile<P extends LockedPackage = LockedPackage> {
  readonly packages: Readonly<Record<string, P>>
}

/**
 * Where `npm ci --omit=dev --omit=optional --workspaces=false` installs a package: `node_modules/…`, nested ones too. npm's
 * own marks (`dev`, `optional`) include the needs of the workspaces, so the dependencies of the project are followed.
 *
 * @throws Error that names a dependency for which the lockfile has no package.
 */
export function productionPackages({ packages }: Lockfile): string[] {
  const found = new Set<string>()
  const follow = (from: string): void => {
    const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = packages[from]!
    const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional)
    for (const name of [...Object.keys(dependencies), ...(from === '' ? [] : peers)]) {
      const path = resolvedPath(packages, from, name)
      if (found.has(path)) continue
      found.add(path)
      follow(path)
    }
  }
  follow('')
  return [...found].toSorted()
}

/** Node looks beside the package first, and then in each folder above. */
function resolvedPath(packages: Lockfile['packages'], from: string, name: string): string {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`
    if (path in packages) return path
    if (folder === '')
      throw new Error(`package-lock.json has no package for ${name}, which ${from || 'the project'} needs.`)
  }
}
