/** Every service has a folder with a description and handlers, and a line in the list. */

import { globSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { loadApp } from '../../functions/apps.ts'
import { business, services } from '../../functions/index.ts'
import { tools } from '../../functions/tools.ts'

const folders = (file: string): string[] =>
  globSync(`functions/*/${file}`, { cwd: join(import.meta.dirname, '..', '..') })
    .map((path) => basename(dirname(path)))
    .toSorted()
const names = services.map(({ name }) => name).toSorted()

it('each folder with a description is in the list of services and has handlers', () => {
  expect(folders('service.ts')).toEqual(names)
  expect(folders('app.ts')).toEqual(names)
})

it('each partner of the business is played on a laptop', () => {
  expect(Object.keys(tools.partners ?? {}).toSorted()).toEqual(business.partners.toSorted())
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
