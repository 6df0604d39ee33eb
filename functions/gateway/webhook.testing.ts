/** The gateway as partners call it: at its public addresses, with the commands that it submits. */

import { testConfig } from '../../shared/base/config.testing.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { testPlatform, type TestOptions } from '../../shared/runtime/platform.testing.ts'
import type { StripeApi } from '../shop/fields.ts'
import { app } from './app.ts'
import { gateway, testEdge, unusedIssuer } from './edge.testing.ts'

export const origin = 'https://gateway.example.com'
export const paths = {
  carrier: '/v1/webhooks/carrier',
  provider: '/v1/webhooks/payment-provider',
  stripe: '/v1/webhooks/stripe',
}

interface WebhookOptions extends Pick<TestOptions, 'callExternal' | 'secrets'> {
  /** Absent: the simulator. */
  readonly paymentProviderApi?: StripeApi
  readonly edge?: string
  /** Called before a submitted command is accepted; it throws for an owner that does not answer. */
  readonly submitting?: () => void
}

export function webhookGateway({ edge = testEdge(), submitting, paymentProviderApi, ...options }: WebhookOptions) {
  const submitted: { service: string; path: string; body: unknown }[] = []
  const platform = testPlatform(gateway, {
    async call(service, path, { body } = {}) {
      submitting?.()
      submitted.push({ service, path, body })
      return Response.json({ commandId: '0c9d8f5e-2b1a-8c3d-9e4f-5a6b7c8d9e0f' }, { status: 202 })
    },
    settings: {
      EDGE: edge,
      ...unusedIssuer,
      PAYMENT_PROVIDER_URL: 'https://provider.example.com',
      PAYMENT_PROVIDER_API: JSON.stringify(paymentProviderApi ?? { kind: 'simulator' }),
      PAYMENT_WEBHOOK_URL: `${origin}${paths.provider}`,
      CARRIER_URL: 'https://carrier.example.com',
      CARRIER_WEBHOOK_URL: `${origin}${paths.carrier}`,
    },
    ...options,
  })
  const http = createHttpApp(app, platform, testConfig('gateway'))
  /** The status of the answer, with the code of a refusal. */
  const post = async (path: string, body: string | Uint8Array<ArrayBuffer>, signature: Record<string, string>) => {
    const headers = { 'content-type': 'application/json', ...signature }
    const response = await http.request(path, { method: 'POST', body, headers })
    return { status: response.status, code: response.ok ? '' : ((await response.json()) as { code: string }).code }
  }
  return { platform, submitted, post }
}
