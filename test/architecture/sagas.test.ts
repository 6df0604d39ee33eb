/** The rules of every saga, and of its compensations before and after the command that each compensates. */

import { describe, expect, it } from 'vitest'
import { loadApp } from '../../functions/apps.ts'
import { business, services } from '../../functions/index.ts'
import { compensationsOf, testCompensations } from '../../shared/saga/compensations.testing.ts'
import { testSagas } from '../../shared/saga/sagas.testing.ts'
import { environments } from '../../stacks/environments.ts'
import { settingsOf } from '../../stacks/service-variables.ts'

testSagas(services, 'functions')

describe('a compensation', () => {
  const compensations = compensationsOf(services)

  it('is performed by a service that has the command', () => {
    const unowned = compensations.filter(({ service, compensate }) => !service?.contracts.commands[compensate.command])
    expect(unowned.map(({ compensate }) => compensate.command)).toEqual([])
  })

  testCompensations(compensations, loadApp, settingsOf(environments.prod, business))
})
