/** What reaches the project from outside is named exactly: images by digest, actions by commit, packages by version and integrity. */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findInDockerfile, findInCloudBuild, findInSource } from './images.ts'
import { findInCode, findInShell } from './installs.ts'
import { findInLockfile, findInManifest, findNodeVersions, type Lockfile, type Manifest } from './packages.ts'
import { findInWorkflow } from './workflows.ts'

/** Each with its own lockfile. */
const manifests = ['package.json', 'cli/cdktf-cli/package.json']
const shellFiles = ['Dockerfile', 'cloudbuild.yaml', '.ci/run', '.github/workflows/*.{yml,yaml}']
const sourceFiles = '{stacks,functions,shared,emulators,cli}/**/*.{ts,mjs,json,yaml,sql}'

/** What is not exact in the repository at `root`: one line each, `file: what it says — what to do`. */
export function findUnpinned(root: string): string[] {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8')
  const each = (patterns: string | string[], find: (text: string) => string[]): string[] =>
    globSync(patterns, { cwd: root })
      .toSorted()
      .flatMap((file) => find(read(file)).map((finding) => `${file}: ${finding}`))
  const json = <T>(file: string): T => JSON.parse(read(file)) as T
  const { allowScripts = {} } = json<Manifest>('package.json')
  const source = globSync(sourceFiles, { cwd: root }).filter(
    (file) => !/\.test\.ts$|package-lock\.json$|cli\/check\//.test(file),
  )

  return [
    ...each('Dockerfile', findInDockerfile),
    ...each('cloudbuild.yaml', findInCloudBuild),
    ...each(source, findInSource),
    ...each('.github/workflows/*.{yml,yaml}', findInWorkflow),
    ...each(shellFiles, findInShell),
    ...each('cli/**/*.{ts,mjs}', findInCode),
    ...manifests.flatMap((file) => {
      const lockfile = file.replace('package.json', 'package-lock.json')
      const manifest = json<Manifest>(file)
      return [
        ...findInManifest(manifest).map((finding) => `${file}: ${finding}`),
        ...findInLockfile(json<Lockfile>(lockfile), manifest, allowScripts).map((one) => `${lockfile}: ${one}`),
      ]
    }),
    ...findNodeVersions(json<Manifest>('package.json'), read('.nvmrc'), read('Dockerfile')),
  ]
}
