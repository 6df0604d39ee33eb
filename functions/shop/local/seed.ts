/** Fills a new shop through the gateway's public API, as its staff would. */

import { setTimeout as pause } from 'node:timers/promises'
import { SECRET_HEADER } from 'local-google-cloud/host'
import type { Running } from '../../../emulators/running.ts'

const products = [
  { sku: 'TEA-001', name: 'Darjeeling First Flush, 100 g', unitMinor: 1190, quantity: 10_000 },
  { sku: 'TEA-002', name: 'Sencha, 100 g', unitMinor: 890, quantity: 10_000 },
  { sku: 'POT-001', name: 'Cast-iron teapot, 0.8 l', unitMinor: 5900, quantity: 1_000 },
  { sku: 'OUT-OF-STOCK', name: 'A tea without stock', unitMinor: 990, quantity: 0 },
] as const
const SEED_TIMEOUT_MS = 60_000
const POLL_INTERVAL_MS = 50

/** Uses the same idempotency keys at every start, so existing data stays unchanged. Returns a line that lists the products. */
export async function seed(running: Running): Promise<string> {
  const token = await signIn(running)
  const deadlineMs = Date.now() + SEED_TIMEOUT_MS
  const sendOnce = (method: string, path: string, options: { body?: unknown; key?: string }): Promise<Response> =>
    fetch(`${running.publicUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...(options.key ? { 'idempotency-key': options.key } : {}),
      },
      ...(options.body ? { body: JSON.stringify(options.body) } : {}),
    })
  /** A service that starts on a busy machine may not answer within the gateway's deadline: the same request is retried. */
  const send: typeof sendOnce = async (...request) => {
    for (;;) {
      const response = await sendOnce(...request)
      if (response.status !== 503 || Date.now() > deadlineMs) return response
      await response.body?.cancel()
      await pause(POLL_INTERVAL_MS)
    }
  }
  const expectOk = async (response: Response): Promise<Response> => {
    if (!response.ok)
      throw new Error(
        `The shop could not be seeded: ${response.url} answered ${response.status}: ${await response.text()}${
          response.status === 409 ? ' It was seeded with other products before: npm start -- --fresh begins anew.' : ''
        }`,
      )
    return response
  }

  await Promise.all(
    products.map(async ({ sku, name, unitMinor }) =>
      expectOk(
        await send('POST', '/v1/products', { key: `seed-${sku}`, body: { sku, name, unitMinor, currency: 'EUR' } }),
      ),
    ),
  )
  const available = (path: string): Promise<void> => waitUntilAvailable(() => sendOnce('GET', path, {}), deadlineMs)
  await Promise.all(products.map(({ sku }) => available(`/v2/products/${sku}`)))
  // A delivery of an unknown product is refused.
  const lines = products.filter(({ quantity }) => quantity > 0).map(({ sku, quantity }) => ({ sku, quantity }))
  const delivered = await expectOk(await send('POST', '/v1/stock', { key: 'seed-stock', body: { lines } }))
  const { deliveryId } = (await delivered.json()) as { deliveryId: string }
  await available(`/v1/deliveries/${deliveryId}`)
  return `the shop sells ${products.map(({ sku }) => sku).join(', ')}`
}

/** Polls until the result of an accepted command exists. */
async function waitUntilAvailable(request: () => Promise<Response>, deadlineMs: number): Promise<void> {
  for (;;) {
    const response = await request()
    await response.body?.cancel()
    if (response.ok) return
    if (Date.now() > deadlineMs)
      throw new Error(
        `The shop could not be seeded: ${response.url} still answers ${response.status}. See the logs under .data/logs.`,
      )
    await pause(POLL_INTERVAL_MS)
  }
}

async function signIn({ identityUrl, secret }: Running): Promise<string> {
  const response = await fetch(`${identityUrl}/v1/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [SECRET_HEADER]: secret },
    body: JSON.stringify({ sub: 'shop', roles: ['admin'] }),
  })
  return ((await response.json()) as { token: string }).token
}
