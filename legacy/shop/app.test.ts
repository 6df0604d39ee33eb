/** The old shop by its own routes. */

import { expect, it } from 'vitest'
import { createShop } from './app.ts'
import { amountOf, centsOf } from './amounts.ts'
import { openDatabase } from './database.ts'

const NOW_MS = Date.parse('2026-01-31T09:30:00.000Z')

function shop() {
  const app = createShop(openDatabase(), () => NOW_MS)
  return async (method: string, path: string, body?: unknown) => {
    const response = await app.request(path, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
}

async function shopWithTea() {
  const ask = shop()
  await ask('PUT', '/products/TEA-001', { title: 'Darjeeling', price: '11.90' })
  return ask
}

it('takes an order at the prices of today, which a later price does not change', async () => {
  const ask = await shopWithTea()
  const order = {
    no: 1,
    login: 'customer-1',
    status: 'new',
    total: '23.80',
    created: '2026-01-31 09:30:00',
    items: [{ sku: 'TEA-001', qty: 2, price: '11.90' }],
  }
  const taken = await ask('POST', '/orders', { login: 'customer-1', items: [{ sku: 'TEA-001', qty: 2 }] })
  expect(taken).toEqual({ status: 201, body: order })
  await ask('PUT', '/products/TEA-001', { title: 'Darjeeling', price: '12.50' })
  expect(await ask('GET', '/orders/1')).toEqual({ status: 200, body: order })
  expect(await ask('GET', '/orders?login=customer-1')).toEqual({ status: 200, body: [order] })
  expect(await ask('GET', '/orders?login=customer-2')).toEqual({ status: 200, body: [] })
  expect((await ask('GET', '/products')).body).toEqual([{ sku: 'TEA-001', title: 'Darjeeling', price: '12.50' }])
})

it('is finished by the packer, once and again', async () => {
  const ask = await shopWithTea()
  await ask('POST', '/orders', { login: 'customer-1', items: [{ sku: 'TEA-001', qty: 1 }] })
  for (const _ of [1, 2]) expect(await ask('POST', '/orders/1/done')).toMatchObject({ body: { status: 'done' } })
  expect(await ask('POST', '/orders/2/done')).toMatchObject({ status: 404 })
})

it('keeps customers by their login', async () => {
  const ask = shop()
  const jo = { name: 'Jo', street: '1 Mill Lane', zip: '10115', city: 'Berlin', country: 'DE', card: 'card-ok' }
  for (const one of [jo, { ...jo, city: 'Köln' }])
    expect(await ask('PUT', '/customers/jo', one)).toEqual({ status: 200, body: { login: 'jo' } })
  expect(await ask('PUT', '/customers/jo', { ...jo, city: 7 })).toMatchObject({ status: 400 })
})

it.each([
  ['no JSON', '{', 'Send an object as JSON.'],
  ['a list', [], 'Send an object as JSON.'],
  ['no login', { items: [{ sku: 'TEA-001', qty: 1 }] }, 'login: write a text of 1 to 200 characters.'],
  ['no items', { login: 'a', items: [] }, 'items: write 1 to 100 items.'],
  ['an item without sku', { login: 'a', items: [null] }, 'items: each names a sku.'],
  ['half a piece', { login: 'a', items: [{ sku: 'TEA-001', qty: 0.5 }] }, /^items: qty of TEA-001 is a whole number/],
  ['an unknown product', { login: 'a', items: [{ sku: 'NONE', qty: 1 }] }, 'There is no product NONE.'],
])('refuses an order with %s, and writes nothing', async (_, body, error) => {
  const ask = await shopWithTea()
  expect(await ask('POST', '/orders', body)).toEqual({
    status: 400,
    body: { error: typeof error === 'string' ? error : expect.stringMatching(error) },
  })
  expect((await ask('GET', '/orders')).body).toEqual([])
})

it('refuses a price that is no amount, a number that no order has, and a body without end', async () => {
  const ask = await shopWithTea()
  for (const price of ['11,90', '11.9', 11.9, '-1.00'])
    expect(await ask('PUT', '/products/TEA-001', { title: 'Darjeeling', price })).toMatchObject({ status: 400 })
  expect(await ask('GET', '/orders/1e3')).toMatchObject({ status: 404 })
  expect(await ask('POST', '/orders', 'x'.repeat(70_000))).toMatchObject({ status: 413 })
})

it('adds cents, so that no amount is rounded', () => {
  for (const text of ['0.00', '0.07', '19.99', '1150.10']) expect(amountOf(centsOf(text))).toBe(text)
  expect(centsOf('19.99')).toBe(1999)
  expect(() => centsOf('19,99')).toThrow('"19,99" is no amount: write it as 11.90.')
})
