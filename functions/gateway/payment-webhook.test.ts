import { exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { requestContext } from '../../shared/base/deadline.ts'
import { Unavailable } from '../../shared/base/errors.ts'
import { hashOf } from '../../shared/base/ids.ts'
import { startOfTests } from '../../shared/runtime/platform.testing.ts'
import { testEdge } from './edge.testing.ts'
import { paths, webhookGateway } from './webhook.testing.ts'

type Pair = Awaited<ReturnType<typeof generateKeyPair>>
let keys: Pair
let foreign: Pair
beforeAll(async () => {
  ;[keys, foreign] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')])
})

const nowSeconds = Date.parse(startOfTests) / 1000
const webhookUrl = 'https://gateway.example.com/v1/webhooks/payment-provider'
const webhook = { id: 'event-1', type: 'authorization.updated', key: 'o-1:auth', reference: 'o-1' }

async function open(edge?: string) {
  const published: { keys: JWK[] } = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k-1', alg: 'ES256' }] }
  const provider = { isThere: true, keyRequests: 0, onKeyRequest: (): unknown => undefined }
  const payments = { isThere: true }
  const { post, ...opened } = webhookGateway({
    ...(edge === undefined ? {} : { edge }),
    submitting() {
      if (!payments.isThere) throw new Unavailable('payments does not answer.')
    },
    async callExternal(url, { token }) {
      expect(token).toBe('none')
      provider.keyRequests += 1
      provider.onKeyRequest()
      expect(url).toBe('https://provider.example.com/.well-known/jwks.json')
      if (!provider.isThere) throw new Unavailable('The provider is silent.')
      return Response.json(published)
    },
  })
  return {
    ...opened,
    provider,
    payments,
    published,
    deliver: (signature: string | undefined, body: string | Uint8Array<ArrayBuffer> = JSON.stringify(webhook)) =>
      post(paths.provider, body, signature ? { 'webhook-signature': signature } : {}),
  }
}

interface Signing {
  readonly body?: string | Uint8Array
  readonly key?: Pair
  readonly kid?: string
  readonly atSeconds?: number
  readonly typ?: string
  readonly audience?: string
}

const signed = ({
  body = JSON.stringify(webhook),
  key = keys,
  kid = 'k-1',
  atSeconds = nowSeconds,
  typ = 'webhook+jwt',
  audience = webhookUrl,
}: Signing = {}) =>
  new SignJWT({ body_sha256: hashOf(body) })
    .setProtectedHeader({ alg: 'ES256', kid, typ })
    .setIssuedAt(atSeconds)
    .setAudience(audience)
    .sign(key.privateKey)

const keysOf = (submitted: readonly unknown[]): Set<string> =>
  new Set(submitted.map((one) => (one as { body: { key: string } }).body.key))

describe('a webhook of the payment provider', () => {
  it('becomes one command to payments, the same one for every repeat', async () => {
    const { deliver, submitted, provider } = await open()
    expect((await deliver(await signed())).status).toBe(204)
    expect((await deliver(await signed())).status).toBe(204)
    expect(submitted).toHaveLength(2)
    expect(submitted[0]).toEqual({
      service: 'payments',
      path: '/submissions/CheckAuthorization',
      body: {
        key: expect.any(String),
        actor: 'partner:payment-provider',
        subject: 'o-1',
        data: { orderId: 'o-1', providerEventId: 'event-1' },
      },
    })
    expect(submitted[1]).toEqual(submitted[0])
    expect(provider.keyRequests).toBe(1)
  })

  it('does not count for its address after its signature was verified', async () => {
    const wide = { perSecond: 1_000, burst: 1_000 }
    const limits = {
      customer: wide,
      support: wide,
      warehouse: wide,
      admin: wide,
      importer: wide,
      address: { perSecond: 0.001, burst: 10 },
    }
    const { deliver } = await open(testEdge({ limits }))
    expect((await deliver(await signed())).status).toBe(204)
    for (let sent = 0; sent < 10; sent++) expect((await deliver(await signed({ key: foreign }))).status).toBe(401)
    expect((await deliver(await signed())).status).toBe(429)
    const other = await open(testEdge({ limits }))
    for (let sent = 0; sent < 12; sent++) expect((await other.deliver(await signed())).status).toBe(204)
  })

  it('of another event becomes another command', async () => {
    const { deliver, submitted } = await open()
    const other = JSON.stringify({ ...webhook, id: 'event-2' })
    await deliver(await signed())
    await deliver(await signed({ body: other }), other)
    expect(keysOf(submitted).size).toBe(2)
  })

  it('of another order or another type with the same event id becomes another command', async () => {
    const { deliver, submitted } = await open()
    const other = JSON.stringify({ ...webhook, reference: 'o-2' })
    await deliver(await signed({ body: other }), other)
    await deliver(await signed())
    expect(submitted).toMatchObject([{ body: { subject: 'o-2' } }, { body: { subject: 'o-1' } }])
    expect(keysOf(submitted).size).toBe(2)
  })

  it('with the signature of another body is refused, also if neither body is UTF-8', async () => {
    const { deliver, submitted } = await open()
    const bodies = [0xff, 0xfe].map((byte) => Uint8Array.from([...Buffer.from(`{"id":"`), byte, ...Buffer.from('"}')]))
    const [signature] = await Promise.all(bodies.map((body) => signed({ body })))
    expect(await deliver(signature, bodies[1])).toEqual({ status: 401, code: 'signature-invalid' })
    expect(await deliver(signature, bodies[0])).toEqual({ status: 400, code: 'invalid-json' })
    expect(submitted).toEqual([])
  })

  it('about a refund becomes the command that checks the refunds of its order', async () => {
    const { deliver, submitted } = await open()
    const other = JSON.stringify({ ...webhook, type: 'refund.updated' })
    expect((await deliver(await signed({ body: other }), other)).status).toBe(204)
    expect(submitted).toMatchObject([{ path: '/submissions/CheckRefunds', body: { data: { orderId: 'o-1' } } }])
  })

  it.each(['payout.paid', 'constructor'])('of the type %s is accepted, and logged without a command', async (type) => {
    const { deliver, submitted, platform } = await open()
    const other = JSON.stringify({ ...webhook, type })
    expect((await deliver(await signed({ body: other }), other)).status).toBe(204)
    expect(submitted).toEqual([])
    const logged = platform.logs.find(({ event }) => event === 'webhook.unknown-type')
    expect(logged).toMatchObject({ severity: 'WARNING', fields: { type, reference: 'o-1' } })
  })

  it.each<[string, () => Promise<string | undefined> | string | undefined]>([
    ['no signature', () => undefined],
    ['text in place of a signature', () => 'x.y.z'],
    ['the signature of another key', () => signed({ key: foreign })],
    ['the signature of another body', () => signed({ body: '{}' })],
    ['an old signature', () => signed({ atSeconds: nowSeconds - 3_600 })],
    ['a signature for another address', () => signed({ audience: 'https://shop.example.com/webhooks' })],
    ['a signature for no address', () => signed({ audience: '' })],
    ['a signature of another kind', () => signed({ typ: 'JWT' })],
    [
      'no algorithm',
      () => new UnsecuredJWT({ body_sha256: hashOf(JSON.stringify(webhook)) }).setIssuedAt(nowSeconds).encode(),
    ],
    ['an unpublished key', () => signed({ key: foreign, kid: 'k-2' })],
  ])('with %s is refused', async (_name, signature) => {
    const { deliver, submitted } = await open()
    expect(await deliver(await signature())).toEqual({ status: 401, code: 'signature-invalid' })
    expect(submitted).toEqual([])
  })

  it.each([
    ['a body that is not JSON', '{', 400, 'invalid-json'],
    ['no event id', JSON.stringify({ ...webhook, id: undefined }), 422, 'invalid-body'],
    ['no reference', JSON.stringify({ ...webhook, reference: '' }), 422, 'invalid-body'],
    [
      'a reference that is not an order id',
      JSON.stringify({ ...webhook, reference: 'o'.repeat(101) }),
      422,
      'invalid-body',
    ],
  ])('with %s is refused', async (_name, body, status, code) => {
    const { deliver, submitted } = await open()
    expect(await deliver(await signed({ body }), body)).toEqual({ status, code })
    expect(submitted).toEqual([])
  })

  it('beyond 64 KiB is refused', async () => {
    const { deliver } = await open()
    const body = JSON.stringify({ ...webhook, pad: 'x'.repeat(70_000) })
    expect(await deliver(await signed({ body }), body)).toEqual({ status: 413, code: 'body-too-large' })
  })

  it('signed by a new key is accepted once the provider published it', async () => {
    const { deliver, published, platform } = await open()
    await deliver(await signed())
    published.keys.push({ ...(await exportJWK(foreign.publicKey)), kid: 'k-2', alg: 'ES256' })
    platform.advance(60_000)
    expect((await deliver(await signed({ key: foreign, kid: 'k-2', atSeconds: nowSeconds + 60 }))).status).toBe(204)
  })

  it('signed by an unknown key makes concurrent requests fetch the keys once, and not again for ten seconds', async () => {
    const { deliver, published, provider, platform } = await open()
    await deliver(await signed())
    published.keys.push({ ...(await exportJWK(foreign.publicKey)), kid: 'k-2', alg: 'ES256' })
    platform.advance(60_000)
    const rotated = await signed({ key: foreign, kid: 'k-2', atSeconds: nowSeconds + 60 })
    const madeUp = await signed({ key: foreign, kid: 'k-3', atSeconds: nowSeconds + 60 })
    const answers = await Promise.all([rotated, rotated, madeUp, madeUp].map((signature) => deliver(signature)))
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 401, 401])
    expect(provider.keyRequests).toBe(2)
    expect((await deliver(madeUp)).status).toBe(401)
    expect(provider.keyRequests).toBe(2)
    platform.advance(10_000)
    expect((await deliver(madeUp)).status).toBe(401)
    expect(provider.keyRequests).toBe(3)
  })

  it('waits for keys that another request fetches, also when that client disconnects', async () => {
    const { deliver, provider } = await open()
    const contexts: unknown[] = []
    provider.onKeyRequest = () => contexts.push(requestContext())
    expect((await deliver(await signed())).status).toBe(204)
    expect(contexts).toEqual([undefined])
  })

  it('is answered 503 when the keys or payments are unavailable', async () => {
    const { deliver, provider, payments } = await open()
    provider.isThere = false
    expect(await deliver(await signed())).toEqual({ status: 503, code: 'unavailable' })
    provider.isThere = true
    payments.isThere = false
    expect(await deliver(await signed())).toEqual({ status: 503, code: 'unavailable' })
    payments.isThere = true
    expect((await deliver(await signed())).status).toBe(204)
  })
})
