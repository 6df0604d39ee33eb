/** The rules of test/architecture for sagas, compensations and stored messages watch every business: those of the help desk are found too. */

import { describe, expect, it } from 'vitest'
import { services as ofShop } from '../../functions/index.ts'
import { testFrozen } from '../../shared/contracts/frozen.testing.ts'
import { compensationsOf, testCompensations } from '../../shared/saga/compensations.testing.ts'
import { testSagas } from '../../shared/saga/sagas.testing.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { environments } from '../../stacks/environments.ts'
import { settingsOf } from '../../stacks/service-variables.ts'
import { business, services } from './functions/index.ts'

const folder = 'test/another-business/functions'
const owners = (compensations: ReturnType<typeof compensationsOf>): string[] =>
  [...new Set(compensations.map(({ service }) => service.name))].toSorted()
const load = async (name: string): Promise<ServiceApp> =>
  ((await import(`./functions/${name}/app.ts`)) as { readonly app: ServiceApp }).app

testFrozen(services.map(({ name, contracts }) => ({ name, folder: `${folder}/${name}`, contracts })))
testSagas(services, folder)

describe('a compensation', () => {
  it('is found with its owner', () => {
    expect([owners(compensationsOf(ofShop)), owners(compensationsOf(services))]).toEqual([
      ['inventory', 'payments'],
      ['workshop'],
    ])
  })

  testCompensations(compensationsOf(services), load, settingsOf(environments.prod, business))
})
