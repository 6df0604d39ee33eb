import { expect, it } from 'vitest'
import { rulesSchema } from '../../shared/strangler/rules.ts'
import { services } from '../../functions/index.ts'
import { apisOf } from '../../shared/service/with-operations.ts'
import { createShop } from '../shop/app.ts'
import { openDatabase } from '../shop/database.ts'
import { boundaries, isStep, rulesOf, steps } from './steps.ts'

const operations = apisOf(services).flatMap((api) => Object.keys(api.operations))

it('step 1 names each route and table of the old shop, with an operation or a service that exists', () => {
  const db = openDatabase()
  const routes = createShop(db).routes.filter(({ method }) => method !== 'ALL')
  expect(Object.keys(boundaries.routes).toSorted()).toEqual(
    routes.map(({ method, path }) => `${method} ${path}`).toSorted(),
  )
  const replacing = Object.values(boundaries.routes).filter((one) => !one.includes(' '))
  expect(replacing.filter((one) => !operations.includes(one))).toEqual([])
  const tables = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`).all()
  expect(Object.keys(boundaries.tables).toSorted()).toEqual(tables.map(({ name }) => String(name)).toSorted())
  expect(Object.values(boundaries.tables).filter((name) => !services.some((one) => one.name === name))).toEqual([])
})

it('the rules of each step are rules, about operations that exist', () => {
  for (const step of Object.keys(steps).map(Number).filter(isStep)) {
    const rules = rulesOf({ step, version: 1, killed: false, percent: 100, callers: [] })
    expect(rulesSchema.parse(rules)).toEqual(rules)
    const named = [...Object.keys(rules.flags), ...rules.known, ...rules.elsewhere, ...Object.keys(rules.ignored)]
    expect(named.map((name) => name.replace('.shadow', '')).filter((name) => !operations.includes(name))).toEqual([])
  }
})
