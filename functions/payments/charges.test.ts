/** Pages of collected charges: in the order of the orders, all charges of an order on one page, those of another run apart. */

import { expect, it } from 'vitest'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { chargeRows, collectCharges } from './charges.ts'
import { payments } from './service.ts'

const runId = '0195a1b2-0000-8000-8000-000000000001'
const other = '0195a1b2-0000-8000-8000-000000000002'

/** A provider that lists these authorizations, by the order of each, three on a page. */
function listing(references: readonly string[]) {
  const all = references.map((reference, index) => ({
    key: `${reference}:auth:${index}`,
    reference,
    status: 'authorized',
    amountMinor: index,
    currency: 'EUR',
    captures: [],
    heldMinor: index,
    refundedMinor: 0,
    disputedMinor: 0,
  }))
  return testPlatform(payments, {
    settings: { PAYMENT_PROVIDER_URL: 'https://provider.test', PAYMENT_PROVIDER_API: '{"kind":"simulator"}' },
    async callExternal(url) {
      const from = Number(new URL(url).searchParams.get('after') ?? 0)
      const next = from + 3 < all.length ? { next: String(from + 3) } : {}
      return Response.json({ authorizations: all.slice(from, from + 3), ...next })
    },
  })
}

async function collected(references: readonly string[], id = runId, platform = listing(references)) {
  let after: string | undefined
  do after = (await collectCharges(platform, { runId: id, ...(after === undefined ? {} : { after }) })).next
  while (after !== undefined)
  return platform
}

async function pages(platform: Awaited<ReturnType<typeof collected>>, limit: string) {
  const all: string[][] = []
  let after: string | undefined
  do {
    const page = await chargeRows(platform, { runId, limit, after })
    all.push(page.rows.map(({ orderId }) => orderId))
    after = page.next
  } while (after !== undefined)
  return all
}

const listed = ['o-3', 'o-1', 'o-2', 'o-1', 'o-10', 'o-1', 'o-2', 'o-1']
const inOrder = ['o-1', 'o-1', 'o-1', 'o-1', 'o-10', 'o-2', 'o-2', 'o-3']

it.each(['1', '2', '3', '4', '5', '7', '8', '100'])(
  'of %s have each charge once, and an order whole',
  async (limit) => {
    const all = await pages(await collected(listed), limit)
    expect(all.flat()).toEqual(inOrder)
    for (const page of all)
      for (const orderId of page)
        expect(page.filter((one) => one === orderId)).toEqual(inOrder.filter((one) => one === orderId))
  },
)

it('have what this run collected, once, however often a page was collected', async () => {
  const platform = await collected(listed)
  await collected(listed, runId, platform)
  await collected(['o-7'], other, listing(['o-7']))
  expect((await pages(platform, '100')).flat()).toEqual(inOrder)
  expect((await chargeRows(platform, { runId: other })).rows).toEqual([])
})
