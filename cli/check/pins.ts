/** Finds unpinned inputs: images without digest, actions without commit, packages without version or integrity. */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { readCode } from './code.ts'
import * as images from './images.ts'
import * as installs from './installs.ts'
import {
  findInConfiguration,
  findInLockfile,
  findInManifest,
  findNodeVersions,
  type Lockfile,
  type Manifest,
} from './packages.ts'
import { findInAction, findInWorkflow } from './workflows.ts'

/** The folder of each has a lockfile of its own. */
const manifests = ['package.json', 'cli/cdktf-cli/package.json']
/** Generated or downloaded folders. */
const derived = new Set(['.git', '.data', '.cloud', '.tools', 'node_modules', 'cdktf.out'])

type Find = (text: string) => string[]
/** The searches for each kind of file; a file may match several. */
const searches: readonly (readonly [files: RegExp, ...Find[]])[] = [
  [
    /^(?!\.devcontainer\/)(?:(?:.*\/)?(?:Docker|Container)file[^/]*|.*\.(?:docker|container)file)$/i,
    images.findInDockerfile,
    installs.findInDockerfile,
  ],
  [/^\.devcontainer\/.*file$/i, images.findInDockerfile, installs.findInDevelopmentContainer],
  [/^\.github\/workflows\/[^/]+\.ya?ml$/, findInWorkflow, installs.findInWorkflow],
  [/(?:^|\/)action\.ya?ml$/, findInAction, installs.findInWorkflow],
  [/^\.ci\/|\.(?:ba|z)?sh$|(?:^|\/)(?:make|just)file$/i, installs.findInShell],
  [/(?:^|\/)[^/.]+$/, (text) => (/^#!.*sh\b/.test(text) ? installs.findInShell(text) : [])],
  [/(?:^|\/)\.npmrc$/, findInConfiguration],
  [
    /(?:^|\/)npm-shrinkwrap\.json$/,
    () => ['npm prefers it to package-lock.json, the file that is checked — remove it'],
  ],
  [/^(?!\.github\/).*\.(?:ya?ml|json)$/, images.findInData, images.findInCloudBuild, installs.findInCloudBuild],
  [/\.(?:[cm]?[jt]s|json|ya?ml|sql)$/, images.findInSource],
  [/\.[cm]?[jt]s$/, findInCode],
]

function findInCode(text: string): string[] {
  const code = readCode(text)
  return [...images.findInCode(code), ...installs.findInCode(code)]
}

/** These files contain faults on purpose: planted ones and the search patterns. */
const isSearched = (file: string): boolean => !/\.test(ing)?\.ts$|package-lock\.json$|^cli\/check\//.test(file)

/**
 * The unpinned inputs of the repository at `root`, one line each: `file: finding — remedy`. Only the given files are
 * searched, and packages always.
 */
export function findUnpinned(root: string, given = filesOf(root)): string[] {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8')
  const json = <T>(file: string): T => JSON.parse(read(file)) as T
  const { allowScripts = {}, workspaces = [] } = json<Manifest>('package.json')
  const files = given.filter(isSearched).toSorted()

  return [
    ...files.flatMap((file) => {
      const finds = searches.filter(([kind]) => kind.test(file)).flatMap(([, ...each]) => each)
      const findings = finds.length === 0 ? [] : finds.flatMap((find) => find(read(file)))
      return [...new Set(findings)].map((finding) => `${file}: ${finding}`)
    }),
    ...manifests.flatMap((file) => {
      const lockfile = file.replace('package.json', 'package-lock.json')
      const manifest = json<Manifest>(file)
      return [
        ...findInManifest(manifest).map((finding) => `${file}: ${finding}`),
        ...findInLockfile(json<Lockfile>(lockfile), manifest, allowScripts).map((one) => `${lockfile}: ${one}`),
      ]
    }),
    ...workspaces.flatMap((folder) => {
      const file = `${folder}/package.json`
      return findInManifest(json<Manifest>(file)).map((finding) => `${file}: ${finding}`)
    }),
    ...findNodeVersions(json<Manifest>('package.json'), read('.nvmrc'), read('Dockerfile')),
  ]
}

function filesOf(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !derived.has(name))
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name)
      if (entry.isDirectory()) return filesOf(root, path)
      // Follows symbolic links.
      return statSync(join(root, path), { throwIfNoEntry: false })?.isFile() ? [path] : []
    })
}
