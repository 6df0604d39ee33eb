/** The rule of test/architecture/compensations.test.ts finds the compensations of a saga, those of the help desk too. */

import { describe, expect, it } from 'vitest'
import { services as ofShop } from '../../functions/index.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { compensationsOf, testCompensations } from '../../shared/saga/compensations.testing.ts'
import { environments } from '../../stacks/environments.ts'
import { settingsOf } from '../../stacks/service-variables.ts'
import { business, services } from './functions/index.ts'

const owners = (compensations: ReturnType<typeof compensationsOf>): string[] =>
  [...new Set(compensations.map(({ service }) => service.name))].toSorted()
const load = async (name: string): Promise<ServiceApp> =>
  ((await import(`./functions/${name}/app.ts`)) as { readonly app: ServiceApp }).app

describe('a compensation', () => {
  it('is found with its owner', () => {
    expect([owners(compensationsOf(ofShop)), owners(compensationsOf(services))]).toEqual([
      ['inventory', 'payments'],
      ['workshop'],
    ])
  })

  testCompensations(compensationsOf(services), load, settingsOf(environments.prod, business))
})
