/** A folder of shared/ imports only folders above it in the table of shared/README.md. */

import { globSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../support/root.ts'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const folders = [...read('shared/README.md').matchAll(/^\| `([a-z]+)\/`/gm)].map(([, folder]) => folder!)
const folderOf = (path: string): string => path.split('/')[1]!

/** The imports of a program, those of types included, that are not of a folder above its own. */
const violations = (file: string, program: string): readonly string[] =>
  [...program.matchAll(/\b(?:from|import\() ?'(\.[^']+)'/g)]
    .map(([, path]) => normalize(join(file, '..', path!)))
    .filter((imported) => folders.indexOf(folderOf(imported)) > folders.indexOf(folderOf(file)))
    .map((imported) => `${file} imports ${imported}`)

it('the table has every folder', () => {
  const existing = new Set(globSync('shared/*/*.ts', { cwd: root }).map(folderOf))
  expect([...folders].toSorted()).toEqual([...existing].toSorted())
})

it('no file of the product imports a folder below its own', () => {
  const files = globSync('shared/*/**/*.ts', { cwd: root }).filter((file) => !/\.(test|testing)\.ts$/.test(file))
  expect(files.length).toBeGreaterThan(100)
  expect(files.flatMap((file) => violations(file, read(file)))).toEqual([])
})

it('an import of a folder below is detected, also one of types or one at run time', () => {
  const program = "import type { A } from '../messaging/a.ts'\nconst b = await import('../base/b.ts')\n"
  expect(violations('shared/service/planted.ts', program)).toEqual([
    'shared/service/planted.ts imports shared/messaging/a.ts',
  ])
  expect(violations('shared/saga/planted.ts', "await import('../runtime/c.ts')")).toHaveLength(1)
})
