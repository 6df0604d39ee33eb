import { describe, expect, it } from 'vitest'
import { business } from '../functions/index.ts'
import { type Environment, environments } from './environments.ts'
import { placeholdersIn } from './placeholders.ts'
import { settingsOf } from './service-variables.ts'

const published = environments.dev
/** An environment that a team adds beside the published ones, as a copy of one of them. */
const added = (changed: Partial<Environment>): Environment => ({ ...published, name: 'qa', ...changed })
const idsIn = (environment: Environment): string[] =>
  placeholdersIn(environment).filter((one) => /^(project|billing)/.test(one))

describe('an environment that a team adds has placeholders', () => {
  it.each<[string, Partial<Environment>, string[]]>([
    [
      'with the ids of the environment from which it was copied',
      {},
      [
        'projectId "millrace-dev"',
        'projectNumber "100000000001"',
        'projectId "millrace-dev" of dev',
        'projectNumber "100000000001" of dev',
      ],
    ],
    [
      'with ids that go on from the published ones',
      { projectId: 'millrace-qa', projectNumber: '100000000014' },
      ['projectId "millrace-qa"', 'projectNumber "100000000014"'],
    ],
    [
      'with ids that are not there yet',
      { projectId: 'TODO', projectNumber: '' },
      ['projectId "TODO"', 'projectNumber ""'],
    ],
    [
      'with the published billing account',
      {
        projectId: 'our-qa',
        projectNumber: '481516234200',
        budget: { billingAccount: '000000-000000-000000', monthly: 1 },
      },
      ['billingAccount "000000-000000-000000"'],
    ],
  ])('%s', (_, changed, expected) => expect(idsIn(added(changed))).toEqual(expected))

  it('with addresses of the published domain, also in the settings of the business', () => {
    const environment = added({ projectId: 'our-qa', projectNumber: '481516234200' })
    const found = placeholdersIn(environment)
    expect(found).toEqual(expect.arrayContaining(['alertEmail "platform@example.com"']))
    const isInSettings = JSON.stringify(settingsOf(environment, business)).includes('.qa.example.com')
    expect(found.some((one) => one.includes('.qa.example.com'))).toBe(isInSettings)
  })
})

it('an environment with ids of its own has none', () => {
  const budget = { billingAccount: '0A1B2C-3D4E5F-6A7B8C', monthly: 1 }
  expect(idsIn(added({ projectId: 'our-qa', projectNumber: '481516234200', budget }))).toEqual([])
})
