/** Orders whose goods have not left when their authorization ends, through the public API. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api } from '../../../cli/api.ts'
import { references, type TestCard } from '../../../functions/shop/cli/references.ts'
import { googleClients } from '../../support/google-clients.ts'
import { joinPlatform } from '../../support/joined-platform.ts'
import { stateOf } from '../../support/state.ts'

const platform = joinPlatform('late-orders')
const google = googleClients(platform)
const state = stateOf(platform)
const SKU = 'LATE-1'
const poll = { timeout: 30_000 }

beforeAll(() => platform.sell({ sku: SKU, unitMinor: 1190 }), 60_000)
afterAll(async () => {
  await state.close()
  await google.close()
})

const address = { name: 'A. Customer', lines: ['1 Mill Lane'], city: 'Berlin', country: 'DE' }

interface Read {
  readonly status: string
  readonly paymentNeeded?: { readonly reason: string; readonly attemptsLeft: number; readonly until: string }
  readonly shipments?: readonly { readonly status: string }[]
  readonly timeline: { readonly entries?: readonly { readonly type: string }[] }
}

/** An order that does not leave, since the carrier does not know its address. */
async function late(customer: string, card: TestCard) {
  const api = platform.customer(customer)
  const add = async (key: string, body: object): Promise<string> =>
    (await api.send<{ addressRef: string }>('POST', '/v1/addresses', { key, body })).body.addressRef
  const addressRef = await add('unknown', { ...address, postcode: '00000' })
  const { paymentMethodRef } = await references(api, card)
  const body = { currency: 'EUR', lines: [{ sku: SKU, quantity: 1 }], addressRef, paymentMethodRef }
  const { orderId } = (await api.send<{ orderId: string }>('POST', '/v1/orders', { key: crypto.randomUUID(), body }))
    .body
  const read = async (): Promise<Read> => (await api.send<Read>('GET', `/v1/orders/${orderId}`)).body
  const post = (path: string, change: object): Promise<{ status: number }> =>
    api.send('POST', `/v1/orders/${orderId}/${path}`, { key: path, body: change, waitSeconds: 20 })
  return {
    api,
    orderId,
    paymentMethodRef,
    read,
    types: async () => (await read()).timeline.entries?.map(({ type }) => type),
    pay: async (with_: TestCard) =>
      post('payment', { paymentMethodRef: (await references(api, with_)).paymentMethodRef }),
    correct: async () => post('address', { addressRef: await add('known', { ...address, postcode: '10115' }) }),
    authorizations: async () =>
      (await platform.ledger()).authorizations.filter(({ reference }) => reference === orderId),
  }
}
const statusIn = (orderId: string) => () =>
  google.rows('SELECT status FROM analytics.orders WHERE order_id = @orderId', { orderId })

describe('an order whose authorization ends before it leaves', () => {
  it('is renewed, and captured under the new authorization when it has left', { timeout: 90_000 }, async () => {
    const { api, orderId, types, correct, authorizations } = await late('late-orders-renewed', 'card-ends-soon')
    await expect.poll(types, poll).toContain('order.payment-renewed')
    await correct()
    expect(await platform.followed(api, orderId)).toMatchObject({ status: 'completed' })
    expect((await authorizations()).map(({ key, captures }) => [key, captures.length])).toEqual([
      [`${orderId}:auth`, 0],
      [`${orderId}:auth:2`, 1],
    ])
  })

  it(
    'asks for another payment method when the first is not renewed, and goes on with it',
    { timeout: 90_000 },
    async () => {
      const order = await late('late-orders-lapsed', 'card-ends-soon')
      const { api, orderId, paymentMethodRef, read, types, pay, correct, authorizations } = order
      await expect.poll(types, poll).toContain('order.confirmed')
      await withdraw(api, paymentMethodRef)
      await expect.poll(read, poll).toMatchObject({
        status: 'payment-needed',
        paymentNeeded: { reason: 'payment-method-unknown', attemptsLeft: 3 },
      })
      await expect.poll(statusIn(orderId), poll).toEqual([{ status: 'payment-needed' }])
      const sends = async () => (await state.sends()).map(({ text }) => text)
      await expect
        .poll(sends, poll)
        .toContainEqual(expect.stringContaining(`${orderId} was refused (payment-method-unknown)`))
      expect((await pay('card-ok')).status).toBe(200)
      await expect.poll(types, poll).toContain('order.payment-renewed')
      expect(await read()).toMatchObject({ status: 'confirmed' })
      await expect.poll(statusIn(orderId), poll).toEqual([{ status: 'confirmed' }])
      await correct()
      expect(await platform.followed(api, orderId)).toMatchObject({ status: 'completed' })
      expect((await authorizations()).map(({ status, captures }) => [status, captures.length])).toEqual([
        ['authorized', 0],
        ['declined', 0],
        ['authorized', 1],
      ])
    },
  )
})

const withdraw = (api: Api, paymentMethodRef: string): Promise<unknown> =>
  api.send('DELETE', `/v1/payment-methods/${paymentMethodRef}`)
