/** A copy of the sources with links to the real packages, for tests that plant faults. */

import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { spawnSync } from 'node:child_process'
import { root } from './root.ts'
import { wholeLists } from './whole-lists.ts'

const copied = [
  'stacks',
  'functions',
  'shared',
  'emulators',
  'cli',
  'legacy',
  'test',
  'docs',
  'README.md',
  'proto',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  '.oxlintrc.json',
  '.oxfmtrc.json',
  'knip.json',
  '.gitignore',
  'cdktf.json',
  'Dockerfile',
  '.dockerignore',
  '.npmrc',
  '.nvmrc',
  '.ci',
  '.devcontainer',
  '.github',
  'cloudbuild.yaml',
  'package-lock.json',
]

export interface Copy {
  readonly root: string
  read(path: string): string
  write(path: string, text: string): void
  /** @throws Error when the text is not there. */
  replace(path: string, from: string, to: string): void
  /** The files that `work` adds, changes or removes, by their paths. */
  touchedBy(work: () => void): string[]
  /** Runs one of the check's tools over the copy; its output and exit code. */
  run(bin: string, ...args: string[]): { readonly code: number | null; readonly output: string }
  /** Runs it with more variables in its environment. */
  runWith(environment: Readonly<Record<string, string>>, bin: string, ...args: string[]): ReturnType<Copy['run']>
  /** Checks the types as `npm run check` does: of the whole copy, or of these files and folders and what they import. */
  compile(paths?: readonly string[]): ReturnType<Copy['run']>
  /** The linter's output; without the rules for which it would read all types once more, but in `npm run verify`. */
  lint(...paths: string[]): string
  /** A program of the copy itself. */
  runOwn(file: string, ...args: string[]): { readonly code: number | null; readonly output: string }
  remove(): void
}

export function copyOfSources(): Copy {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-copy-'))
  for (const path of copied) cpSync(join(root, path), join(folder, path), { recursive: true })
  linkPackages(join(folder, 'node_modules'))
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8')
  const write = (path: string, text: string): void => writeFileSync(join(folder, path), text)
  const runWith: Copy['runWith'] = (environment, bin, ...args) =>
    execute(environment, join(root, 'node_modules', bin), ...args)
  const run: Copy['run'] = (bin, ...args) => runWith({}, bin, ...args)
  const replace: Copy['replace'] = (path, from, to) => {
    const text = read(path)
    if (!text.includes(from)) throw new Error(`${path} does not hold "${from}".`)
    write(path, text.replace(from, to))
  }
  const execute: Copy['runWith'] = (environment, program, ...args) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ...environment },
    })
    return { code: status, output: `${stdout}${stderr}` }
  }
  return {
    root: folder,
    read,
    write,
    replace,
    touchedBy(work) {
      const before = contents(folder)
      work()
      const after = contents(folder)
      return [...new Set([...before.keys(), ...after.keys()])]
        .filter((path) => before.get(path) !== after.get(path))
        .toSorted()
    },
    run,
    runWith,
    compile(paths) {
      const project = paths ? 'tsconfig.some.json' : 'tsconfig.json'
      if (paths) write(project, JSON.stringify({ extends: './tsconfig.json', include: paths }))
      return run('typescript/bin/tsc', '-p', project, '--checkers', '1')
    },
    lint(...paths) {
      if (!wholeLists) replace('.oxlintrc.json', '"typeAware": true', '"typeAware": false')
      return run('oxlint/bin/oxlint', ...paths).output
    },
    runOwn: (file, ...args) => execute({}, join(folder, file), ...args),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function contents(folder: string): ReadonlyMap<string, string> {
  const paths = globSync('**/*', {
    cwd: folder,
    exclude: ['node_modules', '.data', '.cloud', '.git'],
    withFileTypes: true,
  })
  return new Map(
    paths
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name)
        return [relative(folder, path), readFileSync(path, 'latin1')]
      }),
  )
}

/** npm's own lockfile, which npm writes even by `--package-lock-only`. */
const INSTALLED = '.package-lock.json'

/** Links each real package. The local cloud is the copy's own, and so is npm's lockfile: through a link, npm would write the real one. */
function linkPackages(folder: string): void {
  mkdirSync(folder)
  const real = join(root, 'node_modules')
  cpSync(join(real, INSTALLED), join(folder, INSTALLED))
  for (const name of readdirSync(real).filter((one) => one !== INSTALLED))
    symlinkSync(name === 'local-google-cloud' ? '../emulators/local-cloud' : join(real, name), join(folder, name))
}
