import { expect, it } from 'vitest'
import { createRequestLog, limits } from './request-log.ts'

const entry = { timeMs: 1, kind: 'ingress', resource: 'gateway', status: 404 } as const

it('truncates a long URL', () => {
  const log = createRequestLog()
  log.add({ ...entry, target: `/${'x'.repeat(12_000)}` })
  log.add({ ...entry, target: '/short' })
  expect(log.entries.map(({ target }) => target)).toEqual([`/${'x'.repeat(limits.textCharacters - 1)}…`, '/short'])
})

it('drops the oldest entries beyond their maximum number', () => {
  const log = createRequestLog()
  for (let status = 0; status <= limits.entries; status++) log.add({ ...entry, status })
  expect(log.entries.length).toBeLessThanOrEqual(limits.entries)
  expect(log.entries.at(-1)).toMatchObject({ status: limits.entries })
  expect(log.entries[0]!.status).toBeGreaterThan(0)
})

it('drops the oldest entries beyond their maximum total size', () => {
  const log = createRequestLog()
  const target = `/${'x'.repeat(10_000)}`
  for (let status = 0; status < 50_000; status++) log.add({ ...entry, target, status })
  const characters = log.entries.reduce((sum, one) => sum + one.target!.length, 0)
  expect(2 * characters).toBeLessThanOrEqual(limits.bytes)
  expect(log.entries.length).toBeGreaterThan(20_000)
  expect(log.entries.at(-1)).toMatchObject({ status: 49_999 })
})
