/** `npm start`, killed by SIGKILL in a burst and started again: acknowledged changes are there, and every order ends. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { connect } from '../../../cli/api.ts'
import type { Running } from '../../../emulators/running.ts'
import { business } from '../../../functions/index.ts'
import { localPorts } from '../../../stacks/environments.ts'
import { start, type Started, temporaryDirectory } from '../../support/command.ts'
import { freeBlock } from 'local-google-cloud/host'
import { openAuditor } from './audited-data.testing.ts'
import { retryingClients } from './retrying-clients.testing.ts'

const ORDERS = 16
const CUSTOMERS = 4
/** So many requests have been answered, and others are in flight, at the kill. */
const ANSWERED = 6
/** Generous limits, which only a hang exceeds. */
const READY_TIMEOUT_MS = 240_000
const SETTLED_TIMEOUT_MS = 180_000

const data = temporaryDirectory()
let last: Started | undefined

afterAll(async () => {
  last?.child.kill('SIGTERM')
  await last?.ended
  data.remove()
}, 60_000)

it('no acknowledged change is lost by a kill of npm start', { timeout: 600_000 }, async () => {
  const base = await freeBlock()
  const running = await started(base)
  const platform = {
    running,
    ports: localPorts(base, business),
    staff: () => connect(running, { sub: 'staff-1', roles: ['admin'] }),
    customer: () => connect(running, { sub: 'customer-1', roles: ['customer'] }),
  }
  const customers = retryingClients(platform)
  await customers.publishProducts([1, 2].map((n) => ({ sku: `NEW-${n}`, unitMinor: 100 + n, stock: 100 })))
  let left = ORDERS
  const ordering = Promise.all(
    Array.from({ length: CUSTOMERS }, async () => {
      while (left > 0) await customers.placeOrder({ sku: `NEW-${1 + (left-- % 2)}`, quantity: 1, card: 'card-ok' })
    }),
  )
  await expect
    .poll(() => customers.placed.length, { timeout: READY_TIMEOUT_MS, interval: 5 })
    .toBeGreaterThanOrEqual(ANSWERED)
  process.kill(running.pid, 'SIGKILL')
  const answered = customers.placed.length
  await last!.ended
  expect(answered).toBeLessThan(ORDERS)

  const again = await started(base)
  expect(again.pid).not.toBe(running.pid)
  await ordering
  expect(customers.placed).toHaveLength(ORDERS)
  expect(customers.retries.length).toBeGreaterThan(0)
  const auditor = openAuditor(platform)
  try {
    expect(await auditor.reconcile(customers, SETTLED_TIMEOUT_MS)).toEqual([])
  } finally {
    await auditor.close()
  }
})

async function started(base: number): Promise<Running> {
  last = start('emulators/run.ts', ['--port', String(base), '--no-watch', '--cold'], data.path)
  const { ended, output } = last
  let over = false
  void ended.then(() => (over = true))
  await expect.poll(() => over || output().includes('Ready in'), { timeout: READY_TIMEOUT_MS, interval: 20 }).toBe(true)
  if (over) throw new Error(`npm start ended: ${output()}`)
  return JSON.parse(readFileSync(join(data.path, 'running.json'), 'utf8')) as Running
}
