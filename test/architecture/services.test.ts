/** Every service has a folder with a description and handlers, and a line in the list. */

import { globSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { expect, it } from 'vitest'
import { loadApp } from '../../functions/apps.ts'
import { business, services } from '../../functions/index.ts'
import { partnersOf } from '../../shared/service/business.ts'
import { tools } from '../../functions/tools.ts'
import { queriesIn } from '../support/queries-in-source.ts'
import { modulesFrom } from '../support/import-graph.ts'
import { root } from '../support/root.ts'

const folders = (file: string): string[] =>
  globSync(`functions/*/${file}`, { cwd: root })
    .map((path) => basename(dirname(path)))
    .toSorted()
const names = services.map(({ name }) => name).toSorted()

it('each folder with a description is in the list of services and has handlers', () => {
  expect(folders('service.ts')).toEqual(names)
  expect(folders('app.ts')).toEqual(names)
})

it('each partner of the business is played on a laptop', () => {
  expect(Object.keys(tools.partners ?? {}).toSorted()).toEqual(partnersOf(business).toSorted())
})

it.each(services)(
  '$name has a handler for each message that it describes',
  async ({ name, on, accepts, contracts }) => {
    const app = await loadApp(name)
    expect(Object.keys(app.on).toSorted()).toEqual([...new Set(on)].toSorted())
    expect(Object.keys(app.commands).toSorted()).toEqual([...accepts].toSorted())
    expect(Object.keys(app.queries ?? {}).toSorted()).toEqual(Object.keys(contracts.queries ?? {}).toSorted())
  },
)

it.each(services)('$name asks exactly the queries that it describes', ({ name, queries }) => {
  const folder = join(root, 'functions', name)
  const own = modulesFrom(join(folder, 'app.ts'), { lazy: true }).filter(({ file }) => dirname(file) === folder)
  const asked = new Set(own.flatMap(({ program }) => queriesIn(program)))
  expect([...asked].toSorted()).toEqual([...queries].toSorted())
})

it('the check of asked queries finds the name in every form of the call, and no other text', () => {
  const { program } = parseSync(
    'planted.ts',
    `platform.query(owner, 'one', { a: 'not' }, 'options' as never)
     const { query } = platform
     query(owner, "two", {})
     relay(c, owner, 'three', {})
     other(owner, 'not')`,
  )
  expect(queriesIn(program)).toEqual(['one', 'two', 'three'])
})
