/** The folder of a test says which processes it needs, that of a helper who uses it; each decision has a number of its own. */

import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../support/root.ts'

it('each test in test/ is in a folder', () => {
  expect(globSync('*.test.ts', { cwd: join(root, 'test') })).toEqual([])
})

/** A call that starts or joins a whole platform. */
const startsPlatform =
  /\b(?:startTestPlatform|startAnnouncedPlatform|startPlatform|joinPlatform|platformInTurn|sharePlatformInTurn)\(|\b(?:start|run|program)\(\s*'emulators\/run\.ts'|'npm', \['start'/
/** Benchmarks are programs; helpers of several suites start what a suite asks for. */
const mayStartPlatforms = /^test\/(?:platform|bench|support)\//

/** The files of test/, given with their texts, that start or join a whole platform and are not in test/platform/. */
const platformsElsewhere = (files: readonly (readonly [path: string, text: string])[]): string[] =>
  files.filter(([path, text]) => !mayStartPlatforms.test(path) && startsPlatform.test(text)).map(([path]) => path)

describe('a file that starts or joins a whole platform is in test/platform', () => {
  it('in this repository', () => {
    const files = globSync('test/**/*.ts', { cwd: root })
      .map((path) => path.replaceAll('\\', '/'))
      .map((path) => [path, readFileSync(join(root, path), 'utf8')] as const)
    expect(platformsElsewhere(files)).toEqual(['test/checks/layout.test.ts'])
    expect(files.filter(([, text]) => startsPlatform.test(text)).length).toBeGreaterThan(25)
  })

  it.each([
    'platform = await startTestPlatform({ seeded: false })',
    'announced = await startAnnouncedPlatform()',
    "const platform = joinPlatform('callers')",
    'sharePlatformInTurn({ seeded: false })',
    "started = start('emulators/run.ts', ['--port', '4100'], data.path)",
    "const child = spawn('npm', ['start'])",
  ])('elsewhere it is found: %s', (line) => {
    const found = (folder: string): string[] => platformsElsewhere([[`test/${folder}/planted.test.ts`, line]])
    expect(found('security')).toEqual(['test/security/planted.test.ts'])
    expect(found('platform/security')).toEqual([])
  })
})

it('the decisions are numbered from 1 on, each with a number of its own, which is also in its title', () => {
  const folder = join(import.meta.dirname, '..', '..', 'docs', 'decisions')
  const files = globSync('*.md', { cwd: folder }).toSorted()
  expect(files.map((file) => file.slice(0, 5))).toEqual(
    files.map((_, index) => `${String(index + 1).padStart(4, '0')}-`),
  )
  const titles = files.map((file) => readFileSync(join(folder, file), 'utf8').slice(0, 7))
  expect(titles).toEqual(files.map((file) => `# ${file.slice(0, 4)} `))
})

/** Programs and sources in test/: the benchmarks, the help desk, what `npm run` starts, and processes that tests start. */
const isProgram = (path: string): boolean =>
  /^test\/(bench\/|another-business\/functions\/|verify\.ts$)|\/run\.ts$|\.child\.ts$/.test(path)
const suiteOf = (path: string): string => path.split('/').slice(0, 2).join('/')

it('a helper of one suite is a *.testing.ts in its folder; helpers of several are in test/support', () => {
  const paths = globSync('test/**/*.ts', { cwd: root }).map((path) => path.replaceAll('\\', '/'))
  expect(paths.length).toBeGreaterThan(150)
  const others = paths.filter((path) => !isProgram(path) && !path.startsWith('test/support/'))
  expect(others.filter((path) => !/\.(test|testing)\.ts$/.test(path))).toEqual([])
  const fromOtherSuites = paths
    .filter((path) => !isProgram(path))
    .flatMap((path) =>
      [...readFileSync(join(root, path), 'utf8').matchAll(/ from '(\..+\.testing\.ts)'/g)]
        .map(([, module]) => normalize(join(dirname(path), module!)).replaceAll('\\', '/'))
        .filter((helper) => helper.startsWith('test/') && suiteOf(helper) !== suiteOf(path))
        .map((helper) => `${path} imports ${helper}`),
    )
  expect(fromOtherSuites).toEqual([])
})

/** test/architecture/imports.test.ts and emulators/local-cloud/folders.test.ts have the rules of these. */
const ruledByTests = ['shared', 'legacy', 'emulators', 'emulators/identity-platform', 'emulators/local-cloud']

it('the README lists each folder and file for which the linter or a test has rules about imports', () => {
  interface Override {
    readonly files: readonly string[]
    readonly rules: Readonly<Record<string, unknown>>
  }
  const { overrides } = JSON.parse(readFileSync(join(root, '.oxlintrc.json'), 'utf8')) as {
    readonly overrides: readonly Override[]
  }
  const linted = overrides
    .filter(({ rules }) => rules['no-restricted-imports'])
    .flatMap(({ files }) => files.map((path) => path.replace(/\/\*{1,2}(\.ts)?$/, '')))
  const ruled = [...linted, ...ruledByTests]
  const [, table] = /\n\| folder or file.*\n(?<rows>(?:\|.*\n)+)/.exec(readFileSync(join(root, 'README.md'), 'utf8'))!
  const listed = table!.split('\n').flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, path]) => path!))
  const rows = table!.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)])
  expect(ruled.filter((path) => !listed.includes(path))).toEqual([])
  expect(rows.map(([, path]) => path!).filter((path) => !ruled.includes(path))).toEqual([])
})
