import { expect, it } from 'vitest'
import { billOf, listPrices } from './price.ts'

it.each([
  ['firestore.documentReads', 100_000, 0.03],
  ['firestore.documentWrites', 100_000, 0.09],
  ['firestore.documentDeletes', 100_000, 0.01],
  ['firestore.readUnits', 1_000_000, 0.05],
  ['firestore.writeUnits', 1_000_000, 0.26],
  ['pubsub.publishBytes', 2 ** 40, 40],
  ['pubsub.deliveryBytes', 2 ** 40, 40],
  ['pubsub.bigqueryBytes', 2 ** 40, 50],
  ['tasks.operations', 1_000_000, 0.4],
  ['run.request.vcpuMs', 1_000_000_000, 24],
  ['run.request.gibMs', 1_000_000_000, 2.5],
  ['run.requests', 1_000_000, 0.4],
  ['run.instance.vcpuMs', 1_000_000_000, 18],
  ['run.instance.gibMs', 1_000_000_000, 2],
  ['bigquery.insertAllBytes', 1e9, 0.05],
  ['bigquery.bytesQueried', 1e12, 6.25],
  ['logging.bytes', 2 ** 30, 0.5],
  ['trace.spans', 1_000_000, 0.2],
  ['secrets.accesses', 10_000, 0.03],
])('%s: %i cost $%d', (counter, amount, usd) => {
  const { lines } = billOf({ [counter]: amount })
  expect(lines).toHaveLength(1)
  expect(lines[0]!.usd).toBeCloseTo(usd, 10)
})

it('adds up each edition with each billing mode, and includes the other costs in every total', () => {
  const counters = {
    'pubsub.messages.published.order.placed': 7,
    'firestore.documentWrites': 100_000,
    'firestore.writeUnits': 1_000_000,
    'run.requests': 1_000_000,
    'run.instance.vcpuMs': 1_000_000,
    'tasks.operations': 10_000_000,
  }
  const { units, totals } = billOf(counters, 'order.placed')
  expect([units, billOf(counters).units]).toEqual([7, 0])
  expect(totals['Standard']!['by request']).toBeCloseTo(0.09 + 0.4 + 4)
  expect(totals['Standard']!['by instance']).toBeCloseTo(0.09 + 0.018 + 4)
  expect(totals['Enterprise']!['by request']).toBeCloseTo(0.26 + 0.4 + 4)
  expect(totals['Enterprise']!['by instance']).toBeCloseTo(0.26 + 0.018 + 4)
})

it('every price has a date and a source', () => {
  expect(listPrices.date).toMatch(/^\d{4}-\d{2}-\d{2}$/)
  for (const price of Object.values(listPrices.prices)) {
    expect(price).toMatchObject({ usd: expect.any(Number), source: expect.stringMatching(/^https:/) })
    expect(price.per).toBeGreaterThan(0)
  }
})
