import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../shared/base/errors.ts'
import type { Platform } from '../../shared/service/platform.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { documentPath } from '../../shared/service/document-path.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { serveQueries } from '../../shared/runtime/queries.testing.ts'
import { app } from './app.ts'
import { services } from '../index.ts'
import { customersContracts, vaultLimits, vaultOf } from './contracts.ts'
import { customers } from './service.ts'

const address = { name: 'A. Customer', lines: ['1 Mill Lane'], postcode: '10115', city: 'Berlin', country: 'DE' }
const card = { brand: 'visa', last4: '4242', expiryMonth: 12, expiryYear: 2034 }
const alice = vaultOf('alice')
const bob = vaultOf('bob')

/** Attaches every token but `unknown`; each customer has payment methods of their own. */
const provider: Platform['callExternal'] = async (url, { body, accept = [] }) => {
  const { token, customer } = body as { token: string; customer: string }
  if (url.endsWith('/detach')) return Response.json({})
  if (token === 'unknown' && accept.includes(404)) return Response.json({}, { status: 404 })
  return Response.json({ ...card, paymentMethodRef: `pm-${token}-${customer}` })
}

function open(callExternal = provider) {
  const platform = testPlatform(customers, {
    settings: {
      PAYMENT_PROVIDER_URL: 'https://provider.example.com',
      PAYMENT_PROVIDER_API: '{"kind":"simulator"}',
    },
    callExternal,
  })
  const http = serveQueries(app, platform)
  const send = async (method: string, path: string, body?: object) => {
    const response = await http.request(path, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const text = await response.text()
    return { status: response.status, body: (text ? JSON.parse(text) : {}) as Record<string, unknown> }
  }
  return {
    platform,
    send,
    add: (vault: string, path: string, body: object, idempotencyKey: string = crypto.randomUUID()) =>
      send('POST', `/vaults/${vault}/${path}`, { idempotencyKey, body }),
    unknown: async (vault: string, { addressRef = '', paymentMethodRef = '' }: Partial<Record<string, string>>) => {
      const query = new URLSearchParams({ addressRef, paymentMethodRef })
      return (await send('GET', `/references/${vault}?${query.toString()}`)).body['unknown']
    },
  }
}

describe('an address', () => {
  it('is stored once under its key, shown to its own vault only, and valid until it is withdrawn', async () => {
    const { add, send, unknown } = open()
    const first = await add(alice, 'addresses', address, 'key')
    expect(first).toMatchObject({ status: 201, body: { ...address, addressRef: expect.stringMatching(/^a-/) } })
    expect(await add(alice, 'addresses', address, 'key')).toEqual(first)
    expect((await send('GET', `/vaults/${alice}/addresses`)).body).toEqual({ addresses: [first.body] })
    expect((await send('GET', `/vaults/${bob}/addresses`)).body).toEqual({ addresses: [] })
    const { addressRef } = first.body as { addressRef: string }
    expect(await unknown(alice, { addressRef, paymentMethodRef: 'pm' })).toEqual(['paymentMethodRef'])
    expect(await unknown(bob, { addressRef, paymentMethodRef: 'pm' })).toEqual(['addressRef', 'paymentMethodRef'])

    expect((await send('DELETE', `/vaults/${bob}/addresses/${addressRef}`)).status).toBe(404)
    for (const _ of ['once', 'again'])
      expect((await send('DELETE', `/vaults/${alice}/addresses/${addressRef}`)).status).toBe(204)
    expect((await send('GET', `/vaults/${alice}/addresses`)).body).toEqual({ addresses: [] })
    expect(await unknown(alice, { addressRef, paymentMethodRef: 'pm' })).toEqual(['addressRef', 'paymentMethodRef'])
  })

  it('is the same under a hash that was recorded by the former rule', async () => {
    const { add, platform } = open()
    // Frozen: the hashes of "key" and of the fields in the order of their schema.
    const recorded = {
      key: '2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683',
      requestHash: '01543f7375133176a52de1acb6e4fd5667c15a5d9cd8888884d6f50d791cc111',
      addedAt: '2026-11-26T08:00:00.000Z',
    }
    const addressRef = 'a-rtn42dpgg07qy0b51h5cj9shbp-7zaqmhgawa'
    await platform.documents.create(documentPath<typeof customers>('vaults', alice), {
      addresses: { [addressRef]: { ...address, ...recorded } },
    })
    expect(await add(alice, 'addresses', { ...address, city: 'Bremen' }, 'key')).toMatchObject({ status: 409 })
    expect(await add(alice, 'addresses', address, 'key')).toMatchObject({ status: 201, body: { addressRef } })
  })

  it('under a used key with another body is refused', async () => {
    const { add } = open()
    await add(alice, 'addresses', address, 'key')
    expect(await add(alice, 'addresses', { ...address, city: 'Bremen' }, 'key')).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused' },
    })
  })

  it.each([
    ['no country', { country: 'XX' }, 'country'],
    ['a country in small letters', { country: 'de' }, 'country'],
    ['no line', { lines: [] }, 'lines'],
    ['four lines', { lines: ['1', '2', '3', '4'] }, 'lines'],
    ['a card number', { name: '4242 4242 4242 4242' }, 'name'],
    ['a control character', { city: 'a\u0000' }, 'city'],
    ['an unknown field', { vip: true }, 'vip'],
  ])('with %s is refused', async (_, change, place) => {
    const { add, platform } = open()
    const answer = await add(alice, 'addresses', { ...address, ...change })
    expect(answer).toMatchObject({ status: 400, body: { code: 'request-invalid' } })
    expect(answer.body['detail']).toContain(place)
    expect(JSON.stringify(answer.body)).not.toContain('4242 4242')
    expect(platform.storedDocuments()).toEqual(new Map())
  })

  it('beyond the limit is refused until one is withdrawn, and withdrawn ones are limited too', async () => {
    const { add, send } = open()
    const refs: string[] = []
    for (let index = 0; index < vaultLimits.addresses; index++)
      refs.push((await add(alice, 'addresses', address)).body['addressRef'] as string)
    expect(await add(alice, 'addresses', address)).toMatchObject({ status: 409, body: { code: 'too-many-references' } })
    for (let kept = refs.length; kept < vaultLimits.kept; kept++) {
      await send('DELETE', `/vaults/${alice}/addresses/${refs.pop()}`)
      refs.push((await add(alice, 'addresses', address)).body['addressRef'] as string)
    }
    await send('DELETE', `/vaults/${alice}/addresses/${refs.pop()}`)
    expect(await add(alice, 'addresses', address)).toMatchObject({ status: 409, body: { code: 'too-many-references' } })
  })

  it("is not found under the name of an object's built-in property", async () => {
    const { send, unknown } = open()
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect((await send('DELETE', `/vaults/${alice}/addresses/${name}`)).status).toBe(404)
      expect(await unknown(alice, { addressRef: name, paymentMethodRef: name })).toHaveLength(2)
    }
  })
})

describe('a payment method', () => {
  it('is attached at the provider before it is stored, and its answer has no token', async () => {
    const { add, platform, send } = open()
    const { body } = await add(alice, 'payment-methods', { token: 'tok' }, 'key')
    expect(body).toMatchObject({ ...card, paymentMethodRef: `pm-tok-${alice}` })
    expect(platform.externalCalls[0]?.options.body).toEqual({ token: 'tok', customer: alice })
    expect(JSON.stringify([...platform.storedDocuments().values()])).not.toContain('"tok"')
    // The same token again is the same payment method.
    expect((await add(alice, 'payment-methods', { token: 'tok' })).body).toEqual(body)
    expect((await send('GET', `/vaults/${alice}/payment-methods`)).body).toEqual({ paymentMethods: [body] })
  })

  it.each([
    ['a card number', { token: '4242424242424242' }, 400, 'request-invalid'],
    ['a card number in groups', { token: '4242-4242-4242-4242' }, 400, 'request-invalid'],
    ['a token that the provider refuses', { token: 'unknown' }, 422, 'payment-method-refused'],
  ])('of %s is refused, and nothing is stored', async (_, body, status, code) => {
    const { add, platform } = open()
    expect(await add(alice, 'payment-methods', body)).toMatchObject({ status, body: { code } })
    expect(platform.storedDocuments()).toEqual(new Map())
    if (code === 'request-invalid') expect(platform.externalCalls).toEqual([])
  })

  it('is withdrawn at once, and detached at the provider by a repeated request if the first failed', async () => {
    let isAway = true
    const { add, send, unknown, platform } = open(async (url, options) => {
      if (url.endsWith('/detach') && isAway) throw new Unavailable('The provider is away.')
      return provider(url, options)
    })
    const { paymentMethodRef } = (await add(alice, 'payment-methods', { token: 'tok' })).body as Record<string, string>
    const path = `/vaults/${alice}/payment-methods/${paymentMethodRef}`
    expect((await send('DELETE', path)).status).toBe(503)
    expect(await unknown(alice, { addressRef: 'a', paymentMethodRef })).toContain('paymentMethodRef')
    isAway = false
    expect((await send('DELETE', path)).status).toBe(204)
    expect(platform.externalCalls.at(-1)?.url).toContain(`/${paymentMethodRef}/detach`)
  })

  it('is detached at the provider before it is erased, without a further request of its customer', async () => {
    let isAway = true
    const { add, send, platform } = open(async (url, options) => {
      if (url.endsWith('/detach') && isAway) throw new Unavailable('The provider is away.')
      return provider(url, options)
    })
    const { paymentMethodRef } = (await add(alice, 'payment-methods', { token: 'tok' })).body as Record<string, string>
    expect((await send('DELETE', `/vaults/${alice}/payment-methods/${paymentMethodRef}`)).status).toBe(503)
    const erase = platform.sent[0]!.envelope
    await expect(deliver(app, platform, erase)).rejects.toThrow('The provider is away.')
    expect(JSON.stringify([...platform.storedDocuments().values()])).toContain(paymentMethodRef)
    isAway = false
    await deliver(app, platform, erase)
    expect(platform.externalCalls.at(-1)?.url).toContain(`/${paymentMethodRef}/detach`)
    expect(JSON.stringify([...platform.storedDocuments().values()])).not.toContain(paymentMethodRef)
  })
})

describe('a consent', () => {
  it('is valid from its grant, replaced by another version, and withdrawn by its kind', async () => {
    const { add, send } = open()
    const grant = (version: string) => add(alice, 'consents', { kind: 'marketing-email', version })
    const first = await grant('2026-01')
    expect(first).toMatchObject({ status: 201, body: { kind: 'marketing-email', version: '2026-01' } })
    expect((await grant('2026-01')).body).toEqual(first.body)
    const second = await grant('2026-02')
    const held = async () =>
      ((await send('GET', `/vaults/${alice}/consents`)).body['consents'] as Record<string, string>[])
        .filter(({ withdrawnAt }) => withdrawnAt === undefined)
        .map(({ consentRef }) => consentRef)
    expect(await held()).toEqual([second.body['consentRef']])
    for (const _ of ['once', 'again'])
      expect((await send('DELETE', `/vaults/${alice}/consents/marketing-email`)).status).toBe(204)
    expect(await held()).toEqual([])
    expect((await send('DELETE', `/vaults/${alice}/consents/analytics`)).status).toBe(404)
  })
})

describe('a withdrawn entry', () => {
  const MONTH_MS = 29 * 24 * 3_600_000
  const armed = (platform: ReturnType<typeof open>['platform']) => platform.sent.map(({ envelope }) => envelope)

  it('is readable for shipping for a month, and then erased', async () => {
    const { add, send, platform } = open()
    const { addressRef } = (await add(alice, 'addresses', address)).body as { addressRef: string }
    await send('DELETE', `/vaults/${alice}/addresses/${addressRef}`)
    expect(platform.sent).toMatchObject([
      { target: 'customers', notBeforeMs: platform.now() + MONTH_MS, envelope: { type: 'EraseWithdrawn' } },
    ])
    expect((await send('GET', `/addresses/${addressRef}`)).status).toBe(200)
    for (const _ of ['once', 'again']) await deliver(app, platform, armed(platform)[0]!)
    expect((await send('GET', `/addresses/${addressRef}`)).status).toBe(404)
    expect(JSON.stringify([...platform.storedDocuments()])).not.toContain('Mill Lane')
  })

  it('has one timer after repeated withdrawals', async () => {
    const { add, send, platform } = open()
    const { addressRef } = (await add(alice, 'addresses', address)).body as { addressRef: string }
    for (let again = 0; again < 5; again++) {
      expect((await send('DELETE', `/vaults/${alice}/addresses/${addressRef}`)).status).toBe(204)
      platform.advance(1_000)
    }
    expect(armed(platform)).toHaveLength(1)
  })

  it('has its timer sent before the commit, and a timer without its commit erases nothing', async () => {
    const { add, send, platform } = open()
    const { addressRef } = (await add(alice, 'addresses', address)).body as { addressRef: string }
    const path = `/vaults/${alice}/addresses/${addressRef}`
    platform.fail('send')
    expect((await send('DELETE', path)).status).toBe(503)
    expect((await send('GET', `/vaults/${alice}/addresses`)).body['addresses']).toHaveLength(1)
    await send('DELETE', path)
    const early = { ...(armed(platform)[0]!.data as object), withdrawnBy: '2025-12-31T23:59:59.999Z' }
    await deliver(app, platform, message('EraseWithdrawn', early))
    expect((await send('GET', `/addresses/${addressRef}`)).status).toBe(200)
  })

  it('has no timer when it does not exist', async () => {
    const { send, platform } = open()
    expect((await send('DELETE', `/vaults/${alice}/addresses/a-1`)).status).toBe(404)
    expect(platform.sent).toEqual([])
  })
})

describe('the services', () => {
  it('shipping reads an address by its reference, also after it was withdrawn', async () => {
    const { add, send } = open()
    const { addressRef } = (await add(alice, 'addresses', address)).body as { addressRef: string }
    const path = `/addresses/${addressRef}`
    expect(await send('GET', path)).toEqual({ status: 200, body: address })
    await send('DELETE', `/vaults/${alice}${path}`)
    expect(await send('GET', path)).toEqual({ status: 200, body: address })
    for (const ref of [addressRef.replace(/.$/, '!'), 'a-1', '__proto__', `a-${'0'.repeat(26)}-${'0'.repeat(10)}`])
      expect((await send('GET', `/addresses/${ref}`)).status).toBe(404)
  })

  it('that serve orders send only the queries that they need, and the gateway alone reads and changes vaults', () => {
    const callers = Object.keys(customersContracts.queries).map((query) => [
      query,
      services.filter(({ queries }) => queries.includes(query)).map(({ name }) => name),
    ])
    const { findUnknownReferences, readAddress, ...others } = Object.fromEntries(callers) as Record<string, string[]>
    expect([findUnknownReferences, readAddress]).toEqual([['orders'], ['shipping']])
    expect(new Set(Object.values(others).flat())).toEqual(new Set(['gateway']))
  })
})

describe('an import', () => {
  it('registers many customers, and a repeat returns the same references', async () => {
    const { send, unknown } = open()
    const body = { customers: ['alice', 'bob', 'alice'].map((customerRef) => ({ customerRef, address, token: 'tok' })) }
    const first = await send('POST', '/imports', body)
    expect(first.status).toBe(200)
    const [one, two, again] = first.body['references'] as Record<string, string>[]
    expect(one).toEqual(again)
    expect(one!['addressRef']).not.toBe(two!['addressRef'])
    expect(await send('POST', '/imports', body)).toEqual(first)
    expect(await unknown(alice, one!)).toEqual([])
    expect(await unknown(alice, two!)).toEqual(['addressRef', 'paymentMethodRef'])
    // Frozen: derived from the fields in the order of their schema, which therefore stays.
    expect(one!['addressRef']).toBe('a-rtn42dpgg07qy0b51h5cj9shbp-nv4rfjn3mz')
  })
})

it('the document of a customer has no personal data', async () => {
  const { add, platform } = open()
  await add(vaultOf('someone@example.com'), 'addresses', address)
  expect(JSON.stringify([...platform.storedDocuments()])).not.toContain('someone')
})
