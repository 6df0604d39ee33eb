/** Placing an order while a service that orders asks is slow, dead, wrong or flapping: its answer, within its time, and nothing half placed. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { faults, type Fault, faultyNetwork } from '../../shared/runtime/faulty-network.testing.ts'
import { startOfTests } from '../../shared/runtime/platform.testing.ts'
import { openShop } from './shop.testing.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

/** `catalog` is asked for the price of a product that orders does not know yet. */
async function openFaultyShop(sku: string) {
  const network = faultyNetwork(['customers', 'catalog'], async (service) =>
    Response.json(
      service === 'customers'
        ? { unknown: [] }
        : { sku, name: 'Assam', unitMinor: 990, currency: 'EUR', validFrom: startOfTests },
    ),
  )
  const shop = await openShop({ call: network.call, customers: network.call })
  const place = async () => {
    const { result, tookMs } = await network.timed(() => shop.place({ lines: [{ sku, quantity: 1 }] }))
    const { code } = (await result.json()) as { readonly code?: string }
    return { status: result.status, code, tookMs }
  }
  return { ...shop, place, set: network.set, count: network.count }
}

describe.each([
  // The times are those of docs/resilience.md.
  ['customers', 'TEA-001', 8_000],
  ['catalog', 'TEA-NEW', 1_000],
] as const)('while %s', (service, sku, timeoutMs) => {
  const unavailable = [503, 'unavailable']
  it.each<[Fault, (number | string)[], number]>([
    ['slow', unavailable, timeoutMs],
    ['dead', unavailable, 0],
    ['wrong', [500, 'bug'], 0],
  ])(
    'is %s, an order is refused with %j, nothing is placed, and the same request is taken later',
    async (fault, expected, minMs) => {
      const { platform, place, set } = await openFaultyShop(sku)
      set(service, fault)
      const { status, code, tookMs } = await place()
      expect([status, code]).toEqual(expected)
      expect(tookMs).toBeGreaterThanOrEqual(minMs)
      // Both retries of a dead callee wait half a second at most.
      expect(tookMs).toBeLessThan(minMs + 1_500)
      expect([platform.streamIds(), platform.published, platform.sent]).toEqual([[], [], []])
      set(service, undefined)
      await vi.advanceTimersByTimeAsync(3_000)
      expect(await place()).toMatchObject({ status: 201 })
      expect(platform.streamIds()).toHaveLength(1)
    },
  )

  it('is flapping, it is asked again, and the order is placed', async () => {
    const { place, set, count } = await openFaultyShop(sku)
    set(service, 'flapping')
    expect(await place()).toMatchObject({ status: 201 })
    expect(count(service)).toBe(2)
  })
})

it.each(faults)('an order of a product whose price is known does not ask the catalog, which is %s', async (fault) => {
  const { place, set, count } = await openFaultyShop('TEA-001')
  set('catalog', fault)
  expect(await place()).toMatchObject({ status: 201 })
  expect(count('catalog')).toBe(0)
})
