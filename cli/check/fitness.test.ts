/** Each rule of the architecture with a planted violation, in a business of three halls of a theatre; and the business of this repository. */

import { expect, it } from 'vitest'
import { z } from 'zod'
import { business } from '../../functions/index.ts'
import type { Contracts } from '../../shared/contracts/contract.ts'
import { defineService, type Service } from '../../shared/service/service.ts'
import { findUnfit } from './fitness.ts'
import { measured } from './measured.ts'
import { complexitiesIn, linesOfCode, type SourceSize } from './service-size.ts'

const seat = { version: 1, data: z.strictObject({ seat: z.string() }), example: { seat: 'B7' } }
const query = (path: string) => ({ method: 'get', path, answers: { 200: z.object({}) } }) as const
const contractsOf = (service: string, rest: Partial<Contracts> = {}): Contracts => ({
  service,
  events: {},
  commands: {},
  queries: { [`read${service}`]: query(`/${service}`) },
  ...rest,
})

interface Planted extends Partial<Omit<Service, 'contracts'>> {
  /** The services that it asks. */
  readonly asks?: readonly string[]
  readonly contracts?: Partial<Contracts>
}

function service(name: string, { asks = [], contracts, ...rest }: Planted = {}): Service {
  const described = defineService({
    name,
    ingress: 'internal',
    contracts: contractsOf(name, contracts),
    uses: asks.map((one) => contractsOf(one)),
    on: [],
    sends: [],
    queries: asks.map((one) => `read${one}`),
  } as never) as Service
  return { ...described, ...rest }
}

const small: SourceSize = { lines: 100, hardest: { file: 'a.ts', name: 'a', complexity: 1 } }
const unfit = (services: readonly Service[], size: SourceSize = small): readonly string[] =>
  findUnfit({ services, sizes: Object.fromEntries(services.map(({ name }) => [name, size])), views: [] })

it('the services of this repository are fit', () => {
  expect(findUnfit(measured(`${import.meta.dirname}/../..`, business))).toEqual([])
})

it('services without a violation are fit', () => {
  const taken = contractsOf('stalls', { events: { 'seat.taken': seat } })
  const listener = { ...service('foyer', { asks: ['stalls'] }), on: ['seat.taken'], uses: [taken] }
  expect(unfit([service('stalls', { contracts: { events: { 'seat.taken': seat } } }), listener])).toEqual([])
})

it('a database of two services, and a second reader of views, are named', () => {
  const reading = { collections: { streams: {} }, readsViews: ['takings'] }
  const found = unfit([service('stalls', reading), service('stalls', reading)])
  expect(found).toContainEqual('a database has one service: stalls and stalls have the database stalls')
  expect(found).toContainEqual(expect.stringMatching(/stalls, stalls read views in BigQuery \(2, the limit is 1: /))
})

it('a cycle of requests is named once, with its way', () => {
  const found = unfit([
    service('stalls', { asks: ['balcony'] }),
    service('balcony', { asks: ['foyer'] }),
    service('foyer', { asks: ['stalls'] }),
    service('entry', { asks: ['stalls'] }),
  ])
  expect(found.filter((one) => one.startsWith('requests form no cycle'))).toEqual([
    'requests form no cycle: balcony → foyer → stalls → balcony',
  ])
})

it('a chain of three requests is named', () => {
  const found = unfit([
    service('entry', { asks: ['foyer'] }),
    service('foyer', { asks: ['balcony'] }),
    service('balcony', { asks: ['stalls'] }),
    service('stalls'),
  ])
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(/^requests form no long chain: entry → foyer → balcony → stalls \(3, the limit is 2: /)
})

it('a service that asks many others is named', () => {
  const halls = ['stalls', 'balcony', 'gallery', 'foyer', 'bar']
  const found = unfit([service('entry', { asks: halls }), ...halls.map((name) => service(name))])
  expect(found[0]).toMatch(/^a service asks few others: entry asks .*bar.* \(5, the limit is 4: /)
})

it('services that mostly ask each other are named', () => {
  const asking = ['entry', 'till', 'bar'].map((name) => service(name, { asks: ['stalls', 'balcony'] }))
  const found = unfit([...asking, service('stalls'), service('balcony')])
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(
    /^most ways are messages: of 6 ways between services 6 are requests \(100, the limit is 33: /,
  )
})

it('an event that is not read, or that no service owns, is named', () => {
  const owner = service('stalls', { contracts: { events: { 'seat.taken': seat } } })
  const listener = service('foyer', { on: ['seat.freed'] })
  const found = unfit([owner, listener])
  expect(found).toEqual([
    'an event has one owner and a listener: foyer subscribes to seat.freed, which no service publishes',
    expect.stringMatching(/no service subscribes to seat\.taken of stalls, and no view reads it: add a listener/),
  ])
  const sizes = { stalls: small }
  const views = ["SELECT 1 FROM {{seat.taken}} WHERE type = 'seat.taken'"]
  expect(findUnfit({ services: [owner], sizes, views })).toEqual([])
  const forPeople = { events: { 'seat.taken': { ...seat, forAnalysis: true as const } } }
  expect(unfit([service('stalls', { contracts: forPeople })])).toEqual([])
})

it('a contract or an operation without a version is named', () => {
  const commands = { TakeSeat: { ...seat, version: 0 }, FreeSeat: { ...seat, version: 2 } }
  const operation = { method: 'get', path: '/seats/{seat}', isHandled: true }
  const api = { contracts: contractsOf('stalls'), operations: { readSeat: operation }, atEdge: {} }
  const found = unfit([service('stalls', { contracts: { commands }, api: api as never })])
  expect(found.map((one) => one.replace('contracts have versions: ', ''))).toEqual([
    'TakeSeat of stalls has the version 0: give 1, or the next number',
    'FreeSeat of stalls has no version 1 in its previousVersions: stored messages may have it',
    'GET /seats/{seat} of stalls has no version in its path, such as /v1',
  ])
})

it('a service beyond a limit of size is named with the figure and the reason', () => {
  const many = <V>(prefix: string, count: number, value: V): Record<string, V> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, value]))
  const contracts = {
    events: many('seat.taken', 26, { ...seat, forAnalysis: true as const }),
    commands: many('TakeSeat', 26, seat),
    queries: many('readSeat', 16, query('/seats')),
  }
  const uses = Array.from({ length: 6 }, (_, index) => contractsOf(`hall${index}`))
  const size = { lines: 4_001, hardest: { file: 'stalls/seat.ts', name: 'take', complexity: 21 } }
  const found = unfit([service('stalls', { contracts, uses })], size).map((one) =>
    /: (.*) \((\d+), the limit is (\d+): .{20}/.exec(one)!,
  )
  expect(found.map(([, , value, limit]) => [Number(value), Number(limit)])).toEqual([
    [4_001, 4_000],
    [26, 25],
    [26, 25],
    [16, 15],
    [6, 5],
    [21, 20],
  ])
  expect(found.at(-1)![1]).toBe('stalls/seat.ts: take is hard to read')
})

it('lines of code are those with code', () => {
  expect(linesOfCode('/** A. */\n\n// b\nconst a = 1 // one\n/*\n * c\n */\n  ** 2\n')).toBe(1)
})

it.each([
  ['if (a) {} else if (b) {} else {}', 3],
  ['for (const a of b) if (a) { if (b) {} }', 6],
  ['return a && b && c || d', 2],
  ['return a ?? b', 0],
  ['return list.map((one) => (one ? 1 : 2))', 2],
  ['const inner = () => { if (a) {} }', 0],
  ['try {} catch { while (a) {} }', 3],
  ['outer: for (;;) { continue outer }', 2],
  ['switch (a) { case 1: if (b) {} }', 3],
])('the complexity of %s is %d', (body, complexity) => {
  expect(complexitiesIn(`function planted() { ${body} }`)[0]).toEqual({ name: 'planted', complexity })
})
