import { describe, expect, it, vi } from 'vitest'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { memory } from '../../shared/messaging/memory.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { MAX_ANNOUNCED_PRICES } from './contracts.ts'
import { catalog } from './service.ts'

const publish = message(
  'PublishProduct',
  { sku: 'BANK CHARGES', name: 'Bank charges', unitMinor: 1500, currency: 'GBP' },
  { correlationId: 'BANK CHARGES' },
)

function started() {
  const platform = testPlatform(catalog)
  const http = serveQueries(app, platform)
  return { platform, http }
}

describe('the catalog', () => {
  it('publishes a product and its price once each, and answers queries for it', async () => {
    const { platform, http } = started()
    await deliver(app, platform, publish)
    expect(
      platform.published.map(({ type, subject, sequence, correlationId }) => ({
        type,
        subject,
        sequence,
        correlationId,
      })),
    ).toEqual([
      { type: 'product.published', subject: 'BANK CHARGES', sequence: 1, correlationId: 'BANK CHARGES' },
      { type: 'price.changed', subject: 'BANK CHARGES', sequence: 2, correlationId: 'BANK CHARGES' },
    ])
    const answer = await http.request('/products/BANK%20CHARGES')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      sku: 'BANK CHARGES',
      name: 'Bank charges',
      unitMinor: 1500,
      currency: 'GBP',
    })
  })

  it('finds the SKUs that were never published', async () => {
    const { platform, http } = started()
    await deliver(app, platform, publish)
    const body = JSON.stringify({ skus: ['TEA-009', 'BANK CHARGES'] })
    const headers = { 'content-type': 'application/json' }
    const answer = await http.request('/unknown-skus', { method: 'POST', headers, body })
    expect([answer.status, await answer.json()]).toEqual([200, { unknown: ['TEA-009'] }])
  })

  it('answers with several products in one read, without those that are not sold', async () => {
    const { platform, http } = started()
    await deliver(app, platform, publish)
    platform.billed.reads = 0
    const body = JSON.stringify({ skus: ['BANK CHARGES', 'BANK CHARGES'] })
    const headers = { 'content-type': 'application/json' }
    const answer = await http.request('/batches/products', { method: 'POST', headers, body })
    expect((await answer.json()) as object).toMatchObject({ products: [{ sku: 'BANK CHARGES', unitMinor: 1500 }, {}] })
    const none = await http.request('/batches/products', { method: 'POST', headers, body: '{"skus":["TEA-009"]}' })
    expect([none.status, await none.json()]).toEqual([200, { products: [] }])
  })

  it('answers with the price of each currency, and with the newest of them as the one price of former callers', async () => {
    const { platform, http } = started()
    await deliver(app, platform, publish)
    platform.advance(1_000)
    const data = { sku: 'BANK CHARGES', unitMinor: 1900, currency: 'USD' }
    await deliver(app, platform, message('ChangePrice', data))
    expect(await (await http.request('/products/BANK%20CHARGES')).json()).toMatchObject({
      unitMinor: 1900,
      currency: 'USD',
      prices: [
        { unitMinor: 1900, currency: 'USD' },
        { unitMinor: 1500, currency: 'GBP' },
      ],
    })
  })

  it('lists its products by their SKUs or names, page by page, and a cursor is of its order alone', async () => {
    const { platform, http } = started()
    for (const [sku, name] of [
      ['TEA-1', 'Oolong'],
      ['TEA-2', 'Assam'],
      ['TEA-3', 'Zealong'],
    ] as const)
      await deliver(app, platform, message('PublishProduct', { ...publish.data, sku, name }, { key: name }))
    const page = async (search: string) =>
      (await (await http.request(`/products?limit=2${search}`)).json()) as {
        products?: { sku: string }[]
        next?: string
        code?: string
      }
    for (const [sort, expected] of [
      ['', ['TEA-1', 'TEA-2', 'TEA-3']],
      ['&sort=sku', ['TEA-1', 'TEA-2', 'TEA-3']],
      ['&sort=name', ['TEA-2', 'TEA-1', 'TEA-3']],
      ['&sort=-name', ['TEA-3', 'TEA-1', 'TEA-2']],
    ] as const) {
      const first = await page(sort)
      const second = await page(`${sort}&after=${first.next}`)
      expect([...first.products!, ...second.products!].map(({ sku }) => sku)).toEqual(expected)
      const other = sort === '&sort=name' ? '&sort=-name' : '&sort=name'
      expect((await page(`${other}&after=${first.next}`)).code).toBe('invalid-cursor')
    }
    expect((await http.request('/products?sort=unitMinor')).status).toBe(400)
  })

  it('republishes the same events when a command is repeated', async () => {
    const { platform } = started()
    platform.fail('publish')
    await expect(deliver(app, platform, publish)).rejects.toThrow('fail')
    expect(platform.published).toEqual([])
    await deliver(app, platform, publish)
    await deliver(app, platform, publish)
    const ids = platform.published.map(({ id }) => id)
    expect(ids).toHaveLength(4)
    expect(ids.slice(2)).toEqual(ids.slice(0, 2))
    // The stream and the product's document, in one commit.
    expect(platform.billed.writes).toBe(2)
  })

  it('answers a query from one document after any number of price changes', async () => {
    const { platform, http } = started()
    await deliver(app, platform, publish)
    for (let day = 1; day <= 400; day++) {
      platform.advance(86_400_000)
      const data = { sku: 'BANK CHARGES', unitMinor: 1500 + day, currency: 'GBP' }
      await deliver(app, platform, message('ChangePrice', data, { key: day }))
    }
    const document = platform.storedDocuments().get('products/BANK%20CHARGES')!
    expect(document['prices']).toHaveLength(1)
    platform.billed.reads = 0
    expect(await (await http.request('/products/BANK%20CHARGES')).json()).toMatchObject({ unitMinor: 1900 })
    expect(platform.billed.reads).toBe(1)
  })

  it('reads no more for a command after 1,000 price changes than after 100, and recognises an old one', async () => {
    const kept = memory()
    const platform = testPlatform(catalog, { kept })
    const load = vi.spyOn(kept.store, 'load')
    const change = (day: number) =>
      message('ChangePrice', { sku: 'BANK CHARGES', unitMinor: 1500 + day, currency: 'GBP' }, { key: day })
    await deliver(app, platform, publish)
    for (let day = 1; day <= 1_000; day++) {
      platform.advance(86_400_000)
      await deliver(app, platform, change(day))
    }
    const changes = platform.published.slice(-1_000)

    platform.billed.reads = 0
    await deliver(app, platform, change(1_001))
    // The stream's document, the product and the look-up of its cause.
    expect(platform.billed.reads).toBe(3)
    expect((await load.mock.results.at(-1)!.value).commits.length).toBeLessThanOrEqual(100)

    platform.published.length = 0
    platform.billed.reads = 0
    for (const day of [1, 500, 1_000]) await deliver(app, platform, change(day))
    expect(platform.published).toEqual([changes[0], changes[499], changes[999]])
    expect(platform.billed.reads).toBeLessThanOrEqual(9)
    expect(platform.storedDocuments().get('products/BANK%20CHARGES')).toMatchObject({ prices: [{ unitMinor: 2501 }] })
  })

  it('answers for a product without its document, which the next command writes', async () => {
    const { platform } = started()
    await deliver(app, platform, publish)
    const streams = platform.commitsByStream()
    // The same history, as it was recorded before there were documents.
    const kept = memory()
    for (const [id, entries] of streams)
      for (const entry of entries) await kept.store.append(await kept.store.load(id), entry)
    const former = testPlatform(catalog, { kept })
    const http = serveQueries(app, former)
    const currentPrice = async () =>
      (await (await http.request('/products/BANK%20CHARGES')).json()) as { unitMinor: number }
    expect((await currentPrice()).unitMinor).toBe(1500)
    former.advance(1)
    const data = { sku: 'BANK CHARGES', unitMinor: 1600, currency: 'GBP' }
    await deliver(app, former, message('ChangePrice', data))
    expect((await currentPrice()).unitMinor).toBe(1600)
    expect(former.storedDocuments().get('products/BANK%20CHARGES')).toMatchObject({ name: 'Bank charges' })
  })

  it('records no refused price', async () => {
    const { platform } = started()
    await deliver(app, platform, publish)
    const announce = (day: number) =>
      deliver(
        app,
        platform,
        message(
          'ChangePrice',
          {
            sku: 'BANK CHARGES',
            unitMinor: day,
            currency: 'GBP',
            validFrom: `2026-02-${String(day).padStart(2, '0')}T00:00:00Z`,
          },
          { key: day },
        ),
      )
    for (let day = 1; day <= MAX_ANNOUNCED_PRICES; day++) await announce(day)
    const before = platform.published.length
    await expect(announce(MAX_ANNOUNCED_PRICES + 1)).rejects.toMatchObject({ code: 'too-many-prices' })
    expect(platform.published).toHaveLength(before)
  })

  it.each([
    ['/products/TEA-404', 404, 'not-found'],
    ['/products/%2F', 400, 'request-invalid'],
    ['/products/%00', 400, 'request-invalid'],
  ])('refuses at %s', async (path, status, code) => {
    const answer = await started().http.request(path)
    expect(await answer.json()).toMatchObject({ code, status })
  })
})
