import { describe, expect, it } from 'vitest'
import { readSecrets } from './config.ts'
import { checkSecretNames, secretVariable } from './secret.ts'

const shop = { name: 'shop', secrets: { 'partner-key': 'Calls the partner.', 'hook-key': 'Verifies webhooks.' } }
const variables = { SECRET_PARTNER_KEY: 'sk_1', SECRET_HOOK_KEY: 'whsec 2' }

describe('the secrets of a service', () => {
  it('are read by their names', () => {
    const secret = readSecrets(shop, variables)
    expect([secret('partner-key'), secret('hook-key')]).toEqual(['sk_1', 'whsec 2'])
  })

  it('are those of its description only', () => {
    const secret = readSecrets({ ...shop, secrets: {} }, variables)
    expect(() => secret('partner-key')).toThrow('shop does not have the secret partner-key: name it in its service.ts.')
  })

  it('that are missing are all named before the first request', () => {
    const read = (): unknown => readSecrets(shop, {})
    expect(read).toThrow('shop does not start. The secret partner-key has no value: add a version')
    expect(read).toThrow('The secret hook-key has no value')
  })

  it.each(['sk_1\n', ' sk_1', 'sk\t1', 'sk_ü'])('with the value %j are refused, without the value', (value) => {
    const read = (): unknown => readSecrets(shop, { ...variables, SECRET_PARTNER_KEY: value })
    expect(read).toThrow(`The secret partner-key has a wrong value of ${value.length} characters`)
    expect(read).not.toThrow('sk')
  })
})

it.each(['Partner', 'partner_key', 'partner--key', '1st', '-key', 'key-', ''])(
  'no service has a secret "%s"',
  (name) => {
    expect(() => checkSecretNames({ name: 'shop', secrets: { [name]: 'x' } })).toThrow(
      `shop can't have the secret "${name}"`,
    )
  },
)

it('two names never have one variable', () => {
  expect(secretVariable('payment-provider-key')).toBe('SECRET_PAYMENT_PROVIDER_KEY')
})
