import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { readSecrets } from './config.ts'
import { checkSecrets, purposeOf, secretsReadWith, secretVariable, where } from './secret.ts'
import { defineSetting } from './setting.ts'

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
    expect(() => checkSecrets({ name: 'shop', secrets: { [name]: 'x' }, settings: [] })).toThrow(
      `shop can't have the secret "${name}"`,
    )
  },
)

it('two names never have one variable', () => {
  expect(secretVariable('payment-provider-key')).toBe('SECRET_PAYMENT_PROVIDER_KEY')
})

describe('a secret that is read where a setting has some value', () => {
  const partner = defineSetting('PARTNER', z.enum(['real', 'simulated']))
  const secrets = {
    'partner-key': 'Calls the partner.',
    'hook-key': { purpose: 'Verifies webhooks.', where: where(partner, (value) => value === 'real') },
  }
  const theatre = { name: 'theatre', secrets, settings: [partner] }
  const simulated = { PARTNER: 'simulated', SECRET_PARTNER_KEY: 'sk_1' }

  it('is needed there', () => {
    expect(secretsReadWith(secrets, { PARTNER: 'real' })).toEqual(['partner-key', 'hook-key'])
    expect(() => readSecrets(theatre, { ...simulated, PARTNER: 'real' })).toThrow('The secret hook-key has no value')
    const secret = readSecrets(theatre, { ...simulated, PARTNER: 'real', SECRET_HOOK_KEY: 'whsec' })
    expect(secret('hook-key')).toBe('whsec')
  })

  it('is neither needed nor read elsewhere', () => {
    expect(secretsReadWith(secrets, simulated)).toEqual(['partner-key'])
    const secret = readSecrets(theatre, { ...simulated, SECRET_HOOK_KEY: 'whsec' })
    expect(secret('partner-key')).toBe('sk_1')
    expect(() => secret('hook-key')).toThrow('theatre does not read the secret hook-key with its settings')
  })

  it('has a purpose, as any other has', () => {
    expect(Object.values(secrets).map(purposeOf)).toEqual(['Calls the partner.', 'Verifies webhooks.'])
  })

  it.each([{}, { PARTNER: 'other' }])('is no guess with the setting %j', (variables) => {
    expect(() => secretsReadWith(secrets, variables)).toThrow('The setting PARTNER')
  })

  it('needs the setting in the description', () => {
    expect(() => checkSecrets(theatre)).not.toThrow()
    expect(() => checkSecrets({ ...theatre, settings: [] })).toThrow(
      'theatre reads the secret hook-key where PARTNER has some value, but does not have this setting: add it to its `settings`.',
    )
  })
})
