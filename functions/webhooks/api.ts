/** The public operations on a customer's own webhook endpoints. */

import { timestampAtEdge } from '../../shared/base/fields.ts'
import type { Caller } from '../../shared/service/operation.ts'
import { z } from 'zod'
import { defineApi } from '../shop/roles.ts'
import { endpointRequest, verificationBody, webhookBody, webhooksContracts, webhookTypes } from './contracts.ts'

const PATH = '/v1/webhook-endpoints'
const ONE = `${PATH}/{endpointId}` as const

interface GivenBy<Params> {
  readonly caller: Caller
  readonly params: Params
}
/** The customer's own endpoints, and no other's. */
const own = <Params>({ caller, params }: GivenBy<Params>): { readonly customer: string } & Params => ({
  ...params,
  customer: caller.sub,
})

export const webhooksApi = defineApi(
  webhooksContracts,
  ({ asks }) => ({
    registerWebhook: asks('registerWebhook', {
      path: PATH,
      summary: "Have the events of one's own orders sent to an address, signed by Standard Webhooks",
      access: 'customer',
      requiresIdempotencyKey: true,
      body: endpointRequest.meta({ examples: [{ url: 'https://shop.example.com/webhooks' }] }),
      answers: {
        201: 'Registered, with the secret of the signatures: it is shown here and after a rotation alone. Nothing is sent there before its verification.',
      },
      request: ({ key, body, ...given }) => ({ ...own(given), body: { idempotencyKey: key, body } }),
    }),
    listWebhooks: asks('listWebhooks', {
      path: PATH,
      summary: "See one's own webhook endpoints",
      access: 'customer',
      answers: { 200: 'The endpoints, without their secrets.' },
      request: own,
    }),
    deleteWebhook: asks('deleteWebhook', {
      path: ONE,
      isIdempotent: true,
      summary: "Delete a webhook endpoint of one's own",
      access: 'customer',
      answers: { 204: 'Nothing more is sent there.' },
      request: own,
    }),
    verifyWebhook: asks('verifyWebhook', {
      path: `${ONE}/verification`,
      isIdempotent: true,
      summary:
        'Have a signed challenge posted to an endpoint: events are sent there once it has returned the challenge',
      access: 'customer',
      answers: { 200: 'The endpoint, which is verified.' },
      request: own,
    }),
    rotateWebhookSecret: asks('rotateWebhookSecret', {
      path: `${ONE}/secret`,
      summary: 'Have another secret; for a day each webhook has the signatures of both',
      access: 'customer',
      requiresIdempotencyKey: true,
      answers: { 200: 'The endpoint with its new secret.' },
      request: ({ key, ...given }) => ({ ...own(given), body: { idempotencyKey: key } }),
    }),
    replayWebhooks: asks('replayWebhooks', {
      path: `${ONE}/replay`,
      isIdempotent: true,
      summary: 'Send the webhooks again that failed since a time; it enables a disabled endpoint',
      access: 'customer',
      // Up to a hundred webhooks begin again, each with a task and a document.
      charges: 10,
      body: z.strictObject({ since: timestampAtEdge }).meta({ examples: [{ since: '2026-01-01T00:00:00.000Z' }] }),
      answers: { 200: 'How many are sent again, at most a hundred at a time.' },
      request: ({ body, ...given }) => ({ ...own(given), body }),
    }),
    listWebhookDeliveries: asks('listWebhookDeliveries', {
      path: `${ONE}/deliveries`,
      summary: 'See what became of the webhooks of the last thirty days, the newest first',
      access: 'customer',
      answers: { 200: 'A page of deliveries, and the cursor of the next page.' },
      request: own,
    }),
  }),
  {
    webhooks: {
      ...Object.fromEntries(
        webhookTypes.map((type) => [
          type,
          {
            summary: `${type} of one's own order`,
            body: () => webhookBody(type),
            answer: 'It has arrived. Any other answer, and none in time, has it sent again.',
          },
        ]),
      ),
      'endpoint.verification': {
        summary: 'A challenge, posted when the verification of an endpoint is requested',
        body: () => verificationBody,
        answer: 'The challenge as text and nothing else, within three seconds, verifies the endpoint.',
      },
    },
  },
)
