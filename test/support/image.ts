/** The files and packages of the services' image, as Dockerfile, .dockerignore and package-lock.json say: no engine builds it here. */

import { cpSync, globSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join, matchesGlob } from 'node:path'
import { type Lockfile, productionPackages } from '../../cli/lockfile.ts'
import { root } from './root.ts'

const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** The paths from the root in the last stage of the Dockerfile. */
export function imageFiles(): string[] {
  const lastStage = read('Dockerfile')
    .split(/^FROM /m)
    .at(-1)!
  const copied = [...lastStage.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '))
  return copied
    .flatMap((source) => globSync([source, `${source}/**/*`], { cwd: root, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => !isIgnored(path))
    .toSorted()
}

/** Docker's rule: the last pattern that matches the path or a folder above it decides. */
function isIgnored(path: string): boolean {
  const parts = path.split('/')
  const selfAndAbove = parts.map((_, index) => parts.slice(0, index + 1).join('/'))
  let ignored = false
  for (const line of read('.dockerignore').split('\n').filter(Boolean)) {
    const isException = line.startsWith('!')
    const pattern = isException ? line.slice(1) : line
    if (selfAndAbove.some((one) => matchesGlob(one, pattern))) ignored = !isException
  }
  return ignored
}

/** Where the Dockerfile's `npm ci` installs a package: `node_modules/…`, nested ones too. */
export const imagePackages = (): string[] => productionPackages(JSON.parse(read('package-lock.json')) as Lockfile)

/** Copies the image's files into `folder` and links its packages; `node --preserve-symlinks` finds no others there. */
export function copyImage(folder: string): void {
  for (const path of imageFiles()) cpSync(join(root, path), join(folder, path))
  for (const path of imagePackages()) {
    if (path.lastIndexOf('node_modules/') > 0) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    symlinkSync(join(root, path), join(folder, path))
  }
}
