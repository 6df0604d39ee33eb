/** The library of Standard Webhooks judges the signatures. */

import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { newWebhookSecret, webhookHeaders } from './webhook-signing.ts'

const body = '{"type":"seat.taken","data":{"name":"é"}}'
const signed = { id: 'm-1', atMs: Date.now(), body }

describe('a webhook', () => {
  it('is verified by the secret of its endpoint, and by no other', () => {
    const secret = newWebhookSecret()
    const headers = webhookHeaders([secret], signed)
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body))
    expect(() => new Webhook(newWebhookSecret()).verify(body, headers)).toThrow('No matching signature')
    expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow('No matching signature')
  })

  it('is verified by both secrets while they are changed', () => {
    const secrets = [newWebhookSecret(), newWebhookSecret()]
    const headers = webhookHeaders(secrets, signed)
    for (const secret of secrets) expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body))
  })

  it('of another time is refused', () => {
    const secret = newWebhookSecret()
    const headers = webhookHeaders([secret], { ...signed, atMs: signed.atMs - 600_000 })
    expect(() => new Webhook(secret).verify(body, headers)).toThrow('too old')
  })
})
