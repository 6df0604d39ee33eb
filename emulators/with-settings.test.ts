import { expect, it } from 'vitest'
import { business } from '../functions/index.ts'
import { localEnvironment, localPorts } from '../stacks/environments.ts'
import { withSettings } from './with-settings.ts'

const environment = localEnvironment(localPorts(4_100, business))

it('replaces the value of a setting, and no other', () => {
  const before = business.settings(environment)
  const url = 'http://127.0.0.1:4090/?a=b'
  expect(withSettings(business, [`OTHER_SYSTEM_URL=${url}`]).settings(environment)).toEqual({
    ...before,
    OTHER_SYSTEM_URL: url,
  })
  expect(withSettings(business)).toBe(business)
})

it.each([
  ['OTHER_SYSTEM_UR=off', 'No service has the setting "OTHER_SYSTEM_UR". Did you mean OTHER_SYSTEM_URL?'],
  ['OTHER_SYSTEM_URL=4090', '--set OTHER_SYSTEM_URL=4090: The setting OTHER_SYSTEM_URL has a wrong value'],
  ['OTHER_SYSTEM_URL', '--set OTHER_SYSTEM_URL: The setting OTHER_SYSTEM_URL is missing'],
])('refuses %s', (typed, message) => {
  expect(() => withSettings(business, [typed])).toThrow(message)
})
