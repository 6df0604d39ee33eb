/** Every service has a folder with a description and handlers, and a line in the list. */

import { globSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { parseSync, type Program } from 'oxc-parser'
import { expect, it } from 'vitest'
import { loadApp } from '../../functions/apps.ts'
import { business, services } from '../../functions/index.ts'
import { checkTools } from '../../cli/tools.ts'
import { type Api, hasCodeAtEdge } from '../../shared/service/api.ts'
import { requestsOf } from '../../shared/service/app.ts'
import { partnersOf } from '../../shared/service/business.ts'
import { tools } from '../../functions/tools.ts'
import type { Service } from '../../shared/service/service.ts'
import { apisOf, queriesOf, submitsOf } from '../../shared/service/with-operations.ts'
import { commandsOf } from '../../shared/saga/definition.ts'
import { messageTypesIn } from '../support/commands-in-source.ts'
import { tokenSettings } from '../../shared/service/edge-settings.ts'
import type { Setting } from '../../shared/base/setting.ts'
import { collectionsIn } from '../support/collections-in-source.ts'
import { settingsIn } from '../support/settings-in-source.ts'
import { queriesIn } from '../support/queries-in-source.ts'
import { type Module, modulesFrom } from '../../cli/import-graph.ts'
import { root } from '../support/root.ts'

const folders = (file: string): string[] =>
  globSync(`functions/*/${file}`, { cwd: root })
    .map((path) => basename(dirname(path)))
    .toSorted()
const names = services.map(({ name }) => name).toSorted()

/** The modules of a service that its handlers load, or its code at the edge. */
function modulesOf(name: string, entry: 'app.ts' | 'edge.ts' = 'app.ts'): Module[] {
  const folder = join(root, 'functions', name)
  return modulesFrom(join(folder, entry), { lazy: true }).filter(({ file }) => dirname(file) === folder)
}
const programsOf = (name: string): Program[] => modulesOf(name).map(({ program }) => program)

/** The names of the settings that these modules read. */
async function settingsReadBy(modules: readonly Module[]): Promise<string[]> {
  const read = modules.flatMap(({ file, program }) =>
    settingsIn(program).map((one) => ({ ...one, module: join(dirname(file), one.module) })),
  )
  return Promise.all(read.map(async (one) => ((await import(one.module)) as Record<string, Setting>)[one.name]!.name))
}

it('each folder with a description is in the list of services and has handlers', () => {
  expect(folders('service.ts')).toEqual(names)
  expect(folders('app.ts')).toEqual(names)
})

it('the tools name events, sagas and requests of the business', async () => {
  expect(() => checkTools(tools, business)).not.toThrow()
  const requests = await Promise.all(
    services
      .filter(({ ingress }) => ingress === 'public')
      .map(async ({ name, contracts }) => requestsOf(contracts, (await loadApp(name)).publicApi)),
  )
  if (tools.unit) expect(requests.flat()).toContain(tools.unit.request)
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

/** The operations of all services, for the service that serves them. */
const servedBy = (service: Service): readonly Api[] => (service.ingress === 'public' ? apisOf(services) : [])

it.each(services)('$name asks exactly the queries that it describes', (service) => {
  const { name, queries } = service
  const requested = new Set([...programsOf(name).flatMap(queriesIn), ...servedBy(service).flatMap(queriesOf)])
  expect([...requested].toSorted()).toEqual([...queries].toSorted())
})

// A command that is listed and not sent would be a right on its owner's queue, or a path of its owner, without a use.
it.each(services)('$name sends or submits each command that it describes', (service) => {
  const { name, sends, submits, saga } = service
  const made = new Set([...programsOf(name).flatMap(messageTypesIn), ...servedBy(service).flatMap(submitsOf)])
  // The engine sends those of its steps.
  const ofSaga = saga ? commandsOf(saga.definition).commands : []
  const unsent = [...sends, ...submits].filter((command) => !made.has(command) && !ofSaga.includes(command))
  expect(unsent, `${name} makes no such command: send it, or take it out of functions/${name}/service.ts`).toEqual([])
})

// A setting that is listed and not read would be a value to maintain in each environment without a use.
it.each(services)('$name reads exactly the settings that it describes', async (service) => {
  const { name, settings } = service
  const { publicApi } = await loadApp(name)
  // The edge reads those of tokens and limits, and the address of another system.
  const { limits, otherSystem } = publicApi ?? {}
  const ofEdge = [...(publicApi ? tokenSettings : []), limits, otherSystem].flatMap((setting) => setting?.name ?? [])
  const ofOperations = servedBy(service).flatMap(({ atEdge }) => atEdge.settings.map((setting) => setting.name))
  const read = new Set([...(await settingsReadBy(modulesOf(name))), ...ofEdge, ...ofOperations])
  expect([...read].toSorted()).toEqual(settings.map((setting) => setting.name).toSorted())
})

// The public service is granted the needs of a service's code at the edge.
it.each(services.filter(({ api }) => api && hasCodeAtEdge(api)))(
  'the code of $name at the edge asks, submits and reads exactly what its api names',
  async ({ name, api }) => {
    const modules = modulesOf(name, 'edge.ts')
    const programs = modules.map(({ program }) => program)
    const { queries, submits, settings } = api!.atEdge
    expect([...new Set(programs.flatMap(queriesIn))].toSorted()).toEqual([...queries].toSorted())
    const made = new Set(programs.flatMap(messageTypesIn))
    expect(submits.filter((command) => !made.has(command))).toEqual([])
    const read = new Set(await settingsReadBy(modules))
    expect([...read].toSorted()).toEqual(settings.map((setting) => setting.name).toSorted())
  },
)

it('the services whose operations are answered at the edge have code there, and no other does', () => {
  const expected = services.filter(({ api }) => api && hasCodeAtEdge(api)).map(({ name }) => name)
  expect(folders('edge.ts')).toEqual(expected.toSorted())
})

it.each(services.filter(({ ingress }) => ingress === 'public'))(
  '$name serves the operations of all services, and imports none of them',
  ({ name }) => {
    const folderOf = (other: string): string => join(root, 'functions', other) + sep
    const imported = modulesOf(name).flatMap(({ imports }) => imports)
    expect(imported).toContain(join(root, 'functions', 'index.ts'))
    const others = names.filter((other) => other !== name)
    expect(others.filter((other) => imported.some((path) => path.startsWith(folderOf(other))))).toEqual([])
  },
)

// An unused collection would be a database, a policy of lifetimes or an index without a use.
it.each(services)('$name uses exactly the collections that it describes', ({ name, collections, acceptsSubmitted }) => {
  const used = new Set(programsOf(name).flatMap(collectionsIn))
  // The runtime's own.
  if (used.has('streams')) used.add('chunks')
  if (acceptsSubmitted.length > 0) used.add('keys')
  expect([...used].toSorted()).toEqual(Object.keys(collections).toSorted())
})

it('the checks of settings and collections find each in every form, and no other text', () => {
  const { program } = parseSync(
    'planted.ts',
    `import { one, other as two, three, not } from './settings.ts'
     platform.setting(one)
     const { setting } = platform
     setting(two) + Number(on.platform.setting(three)) + get(not)
     documentPath<typeof here>('shelves', id('not'))
     on.platform.streams.read('not', documentPath<typeof here>("boxes", id))`,
  )
  expect(settingsIn(program).map(({ name, module }) => [name, module])).toEqual(
    ['one', 'other', 'three'].map((name) => [name, './settings.ts']),
  )
  expect(collectionsIn(program).toSorted()).toEqual(['boxes', 'shelves', 'streams'])
})

it('the check of sent commands finds the name of a message in every form, and no other text', () => {
  const { program } = parseSync(
    'planted.ts',
    `const command: { type: 'Not' } = { type: 'One', data: {} }
     send({ type: 'Two' } as const, { type })
     const decision = { events: [], commands: isLate ? [{ 'key': 'Not', type: "Three" }] : [] }
     switch (type) { case 'Not': other({ kind: 'Not' }, 'type') }`,
  )
  expect(messageTypesIn(program)).toEqual(['One', 'Two', 'Three'])
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
