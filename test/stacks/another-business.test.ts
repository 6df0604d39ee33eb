/** The stacks of a business that has nothing in common with the shop. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { services as ofShop } from '../../functions/index.ts'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { defineSetting, httpUrl } from '../../shared/base/setting.ts'
import type { Business } from '../../shared/service/business.ts'
import { defineService } from '../../shared/service/service.ts'
import { synthesize } from '../../stacks/app.ts'
import { environments, localEnvironment, localPorts } from '../../stacks/environments.ts'
import { temporaryDirectory } from '../support/command.ts'
import { declared } from './synthesized.testing.ts'

const { dev } = environments

const sold = { version: 1, data: z.strictObject({ seat: z.string() }), example: { seat: 'B7' } }
const description = {
  name: 'tickets',
  ingress: 'internal',
  contracts: defineContracts({ service: 'tickets', events: { 'ticket.sold': sold }, commands: {} }),
  uses: [],
  on: [],
  sends: [],
  settings: [defineSetting('HALL', httpUrl)],
} as const
const tickets = defineService(description)

const theatre: Business = {
  services: { 3: tickets },
  partners: {},
  views: { folder: new URL('.', import.meta.url), names: [] },
  settings: ({ name, serviceUrl }) => ({ HALL: `${serviceUrl('tickets')}/${name}` }),
  goals: () => ({}),
}

it('consist of its service and the platform, in the cloud and on a laptop, and of nothing of the shop', () => {
  const words = new RegExp(`\\b(?:${ofShop.map(({ name }) => name).join('|')}|order|sku|checkout|carrier)\\b`, 'i')
  for (const environment of [dev, localEnvironment(localPorts(4100, theatre))]) {
    const stacks = synthesize(environment, theatre)
    const parts = ['platform', 'bus', 'tickets', 'observability']
    expect(stacks.map(({ name }) => name)).toEqual(parts.map((part) => `${environment.name}-${part}`))
    const lines = JSON.stringify(stacks, undefined, 1).split('\n')
    expect(lines.filter((line) => words.test(line.replaceAll(/ORDER BY/g, '')))).toEqual([])
    expect(lines.join()).toContain(`"value": "${environment.serviceUrl('tickets')}/${environment.name}"`)
  }
})

it('have its views, each after those that it reads', () => {
  const { path, remove } = temporaryDirectory()
  onTestFinished(remove)
  writeFileSync(join(path, 'seats.sql'), 'SELECT subject FROM `{{analytics}}.event_log`')
  const views = { folder: pathToFileURL(`${path}/`), names: ['seats'] }
  const tables = declared(dev, 'google_bigquery_table', synthesize(dev, { ...theatre, views }))
  const named = (name: string) => tables.find(({ attributes }) => attributes['table_id'] === name)!
  expect(named('seats').attributes['view']).toMatchObject({
    query: 'SELECT subject FROM `millrace-dev.analytics.event_log`',
  })
  expect(named('seats').attributes['depends_on']).toEqual([named('unreadable_events').address])
  expect(named('unreadable_events').attributes['depends_on']).toEqual([named('recent_events').address])
  expect(named('recent_events').attributes['depends_on']).toEqual([named('event_log').address])
  expect(named('event_log').attributes['depends_on']).toContain(named('tickets').address)
})

it('have views with macros of the business, and no others', () => {
  const { path, remove } = temporaryDirectory()
  onTestFinished(remove)
  writeFileSync(join(path, 'seats.sql'), 'SELECT {{row of JSON_VALUE(data, "$.seat")}} FROM `{{analytics}}.event_log`')
  const views = { folder: pathToFileURL(`${path}/`), names: ['seats'] }
  const macros = { 'row of': (seat: string) => `SUBSTR(${seat}, 1, 1)` }
  const tables = declared(dev, 'google_bigquery_table', synthesize(dev, { ...theatre, views: { ...views, macros } }))
  expect(tables.find(({ attributes }) => attributes['table_id'] === 'seats')!.attributes['view']).toMatchObject({
    query: 'SELECT SUBSTR(JSON_VALUE(data, "$.seat"), 1, 1) FROM `millrace-dev.analytics.event_log`',
  })
  expect(() => synthesize(dev, { ...theatre, views })).toThrow(
    'The view seats has {{row of JSON_VALUE(data, "$.seat")}}, which no macro makes: declare it in the views of the business',
  )
})

it('have no views without events to read', () => {
  const contracts = defineContracts({ service: 'tickets', events: {}, commands: {} })
  const silent = defineService({ ...description, contracts })
  const stacks = synthesize(dev, { ...theatre, services: [silent] })
  expect(declared(dev, 'google_bigquery_table', stacks)).toEqual([])
})

it('have a table for the events of a service whose name has a hyphen, which no table may have', () => {
  const contracts = defineContracts({ service: 'box-office', events: { 'ticket.sold': sold }, commands: {} })
  const services = { 3: defineService({ ...description, name: 'box-office', contracts }) }
  const settings: Business['settings'] = ({ serviceUrl }) => ({ HALL: serviceUrl('box-office') })
  const tables = declared(dev, 'google_bigquery_table', synthesize(dev, { ...theatre, services, settings }))
  const [raw, log] = ['box_office', 'event_log'].map((id) =>
    tables.find(({ attributes }) => attributes['table_id'] === id),
  )
  expect(raw).toBeDefined()
  expect(log!.attributes['view']).toMatchObject({
    query: expect.stringContaining('FROM `millrace-dev.events.box_office`') as string,
  })
})

it('do not know a partner that it does not name', () => {
  expect(() => localPorts(4100, theatre).partner('bank')).toThrow('There is no partner "bank" in functions/index.ts.')
})
