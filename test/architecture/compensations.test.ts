/** Every compensation of the business, before and after the command that it compensates. */

import { describe, expect, it } from 'vitest'
import { loadApp } from '../../functions/apps.ts'
import { business, services } from '../../functions/index.ts'
import { compensationsOf, testCompensations } from '../../shared/saga/compensations.testing.ts'
import { environments } from '../../stacks/environments.ts'
import { settingsOf } from '../../stacks/service-variables.ts'

describe('a compensation', () => {
  const compensations = compensationsOf(services)

  it('is performed by a service that has the command', () => {
    const unowned = compensations.filter(({ service, compensate }) => !service?.contracts.commands[compensate.command])
    expect(unowned.map(({ compensate }) => compensate.command)).toEqual([])
  })

  testCompensations(compensations, loadApp, settingsOf(environments.prod, business))
})
