/** The directions of imports between folders, and in shared/ the order of its table. The linter has those inside functions/ and of the commands, emulators/local-cloud/folders.test.ts those of the local cloud. */

import { globSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { root } from '../support/root.ts'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const folders = [...read('shared/README.md').matchAll(/^\| `([a-z]+)\/`/gm)].map(([, folder]) => folder!)
const folderOf = (path: string): string => path.split('/')[1]!
const isTest = (file: string): boolean => /\.(test|testing)\.ts$/.test(file)
const isTwoFiles = (file: string): boolean => /^stacks\/(cdktf|google)\.ts$/.test(file)
const isOurs = (imported: string): boolean =>
  /^(shared|functions|stacks|emulators|cli|legacy|test|local-google-cloud)\b/.test(imported)

interface Direction {
  readonly rule: string
  readonly files: (file: string) => boolean
  /** True for an import that the rule refuses: a path from the root of the repository, or a package. */
  readonly refuses: (imported: string, file: string) => boolean
  /** About a folder that another business does not have. */
  readonly isOfShop?: true
}

const directions: readonly Direction[] = [
  {
    rule: 'shared/ imports no other folder',
    files: (file) => file.startsWith('shared/'),
    refuses: (imported) => isOurs(imported) && !imported.startsWith('shared/'),
  },
  {
    rule: 'a folder of shared/ imports only folders above it in the table of shared/README.md',
    files: (file) => file.startsWith('shared/') && !isTest(file),
    refuses: (imported, file) =>
      imported.startsWith('shared/') && folders.indexOf(folderOf(imported)) > folders.indexOf(folderOf(file)),
  },
  {
    rule: 'stacks/, emulators/ and cli/ name no service: they read functions/index.ts and functions/tools.ts',
    files: (file) => /^(stacks|emulators|cli)\//.test(file),
    refuses: (imported) => /^functions\/.*\//.test(imported),
  },
  {
    rule: 'CDKTF comes in through stacks/cdktf.ts and stacks/google.ts only: the way out stays two files wide',
    files: (file) => !isTwoFiles(file),
    refuses: (imported) => /^(cdktf|@cdktf)(\/|$)/.test(imported),
  },
  {
    rule: 'the two files import CDKTF, and nothing of ours',
    files: isTwoFiles,
    refuses: (imported) => isOurs(imported) && !imported.startsWith('stacks/'),
  },
  {
    rule: 'the old shop imports nothing of the platform, as it stood before it',
    isOfShop: true,
    files: (file) => file.startsWith('legacy/shop/'),
    refuses: (imported) => isOurs(imported) && !imported.startsWith('legacy/shop/'),
  },
  {
    rule: 'the rest of legacy/ imports shared/ and the helpers of commands: it reaches the platform by its public API and by Pub/Sub',
    isOfShop: true,
    files: (file) => file.startsWith('legacy/') && !isTest(file),
    refuses: (imported) => isOurs(imported) && !/^(legacy|shared|cli)\//.test(imported),
  },
  {
    rule: 'no other folder imports legacy/: the platform runs without it',
    files: (file) => !file.startsWith('legacy/'),
    refuses: (imported) => imported.startsWith('legacy/'),
  },
]

/** The imports of a program, those of types and those at run time included. */
function importsIn(file: string, program: string): readonly string[] {
  const { staticImports, staticExports, dynamicImports } = parseSync(file, program).module
  return [
    ...staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...staticExports.flatMap(({ entries }) => entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? [])),
    // As written, with its quotes.
    ...dynamicImports.map(({ moduleRequest: { start, end } }) => program.slice(start + 1, end - 1)),
  ].map((path) => (path.startsWith('.') ? normalize(join(file, '..', path)) : path))
}
/** Every rule asks about the same files. */
const known = new Map<string, readonly string[]>()
function importsOf(file: string, program: string): readonly string[] {
  const key = `${file} ${program}`
  const imports = known.get(key) ?? importsIn(file, program)
  known.set(key, imports)
  return imports
}
const violations = ({ files, refuses }: Direction, file: string, program: string): readonly string[] =>
  files(file)
    ? importsOf(file, program)
        .filter((imported) => refuses(imported, file))
        .map((imported) => `${file} imports ${imported}`)
    : []

it('the table of shared/README.md has every folder', () => {
  const existing = new Set(globSync('shared/*/*.ts', { cwd: root }).map(folderOf))
  expect([...folders].toSorted()).toEqual([...existing].toSorted())
})

const programs: readonly (readonly [file: string, program: string])[] = globSync(
  '{shared,functions,stacks,emulators,cli,legacy}/**/*.ts',
  {
    cwd: root,
    exclude: (path) => path.endsWith('node_modules'),
  },
).map((file) => [file, read(file)] as const)

describe.each(directions)('$rule', (direction) => {
  it('holds for every file', () => {
    const count = programs.filter(([file]) => direction.files(file)).length
    if (!(direction.isOfShop && count === 0)) expect(count).toBeGreaterThan(1)
    expect(programs.flatMap(([file, program]) => violations(direction, file, program))).toEqual([])
  })
})

it.each([
  ['shared/base/planted.ts', "import { a } from '../../functions/index.ts'", 0],
  ['shared/base/planted.test.ts', "import { a } from 'local-google-cloud/host'", 0],
  ['shared/saga/planted.ts', "await import('../runtime/c.ts')", 1],
  ['shared/service/planted.ts', "import type { A } from '../messaging/a.ts'", 1],
  ['stacks/planted.ts', "import { orders } from '../functions/orders/service.ts'", 2],
  ['emulators/planted.ts', "import { seed } from '../functions/shop/local/seed.ts'", 2],
  ['cli/new/planted.ts', "import '../../functions/orders/service.ts'", 2],
  ['stacks/planted.ts', "import { App } from 'cdktf'", 3],
  ['cli/planted.ts', "import { A } from '@cdktf/provider-google/lib/a'", 3],
  ['stacks/google.ts', "import { a } from '../emulators/start.ts'", 4],
  ['stacks/cdktf.ts', "import { a } from '../functions/orders/service.ts'", 4],
  ['legacy/shop/planted.ts', "import { a } from '../../shared/base/a.ts'", 5],
  ['legacy/strangler/planted.ts', "import { a } from '../../functions/index.ts'", 6],
  ['functions/gateway/planted.ts', "import { a } from '../../legacy/shop/app.ts'", 7],
] as const)('in %s, %s is refused', (file, program, index) => {
  expect(violations(directions[index]!, file, program)).toHaveLength(1)
})

/** A circle of imports, those of types and those at run time included; undefined: no circle. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const finished = new Set<string>()
  const visit = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (finished.has(file)) return undefined
    for (const imported of imports.get(file) ?? []) {
      const circle = visit(imported, [...path, file])
      if (circle) return circle
    }
    finished.add(file)
    return undefined
  }
  for (const file of imports.keys()) {
    const circle = visit(file, [])
    if (circle) return circle
  }
  return undefined
}

// The linter refuses all others: it passes over imports at run time.
it('the product has no circle of imports, not even one that is closed at run time', () => {
  const files = globSync('{shared,functions,stacks,emulators,cli,legacy}/**/*.ts', {
    cwd: root,
    exclude: (path) => path.endsWith('node_modules'),
  }).filter((file) => !isTest(file))
  // As many are left in a business of one's own.
  expect(files.length).toBeGreaterThan(600)
  expect(circleIn(new Map(files.map((file) => [file, importsOf(file, read(file))])))).toBeUndefined()
})

it.each([
  ["import type { B } from './b.ts'", "export { a } from './a.ts'"],
  ["await import('./b.ts')", "import { a } from './a.ts'"],
])('a circle of %s and %s is found', (a, b) => {
  const programs = [
    ['c/first.ts', "import { a } from './a.ts'"],
    ['c/a.ts', a],
    ['c/b.ts', b],
  ] as const
  const imports = new Map(programs.map(([file, program]) => [file, importsIn(file, program)]))
  expect(circleIn(imports)).toEqual(['c/a.ts', 'c/b.ts', 'c/a.ts'])
})

it('an import of the same folder, of one above, or of a package is allowed', () => {
  const program = "import { a } from './a.ts'\nimport { b } from '../base/b.ts'\nimport { z } from 'zod'\n"
  expect(directions.flatMap((direction) => violations(direction, 'shared/service/planted.ts', program))).toEqual([])
})
