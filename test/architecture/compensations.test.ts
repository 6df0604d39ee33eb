/**
 * Every compensation is answered by its owner also when it comes before the command that it compensates, and that command is
 * refused when it comes later: a saga compensates a step whose reply was lost, without knowing whether it was performed.
 */

import { describe, expect, it } from 'vitest'
import { loadApp } from '../../functions/apps.ts'
import { business, services } from '../../functions/index.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { ownerOf } from '../../shared/saga/definition.ts'
import type { Service } from '../../shared/service/service.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { environments } from '../../stacks/environments.ts'
import { settingsOf } from '../../stacks/service-variables.ts'
import { services as ofHelpDesk } from '../another-business/functions/index.ts'

const appOfHelpDesk = async (name: string): Promise<ServiceApp> =>
  ((await import(`../another-business/functions/${name}/app.ts`)) as { readonly app: ServiceApp }).app

const compensated = (all: readonly Service[], load: (name: string) => Promise<ServiceApp>) =>
  all.flatMap(({ saga }) =>
    (saga ? [...saga.definition.steps, ...saga.definition.retired] : []).flatMap(({ compensate, ...step }) => {
      const owner = ownerOf(saga!.definition, step.command)!
      const service = all.find(({ name }) => name === owner.service)!
      return compensate ? [{ step, compensate, owner, service, load }] : []
    }),
  )
const cases = [...compensated(services, loadApp), ...compensated(ofHelpDesk, appOfHelpDesk)]

describe('a compensation', () => {
  it('is that of a step of the shop, or of the help desk', () => {
    expect(new Set(cases.map(({ service }) => service.name))).toEqual(new Set(['inventory', 'payments', 'workshop']))
  })

  it.each(cases)(
    '$compensate.command is answered before $step.command, which is refused later',
    async ({ step, compensate, owner, service, load }) => {
      const calls: string[] = []
      const platform = testPlatform(service, {
        settings: settingsOf(environments.prod, business),
        // A partner that knows nothing of it, and has nothing to take back.
        async callExternal(url, { method }) {
          calls.push(`${method} ${url}`)
          return new Response('{}', { status: method === 'GET' ? 404 : 200 })
        },
      })
      const app = await load(service.name)
      const example = (name: string): Envelope =>
        message(name, owner.commands[name]!.example, { subject: 'one', sequence: 0 })
      const published = (): string[] => platform.published.map(({ type }) => type)

      await deliver(app, platform, example(compensate.command))
      // What the service has to do for it is a command to itself.
      for (const { envelope } of platform.sent) await deliver(app, platform, envelope)
      expect(published()).toEqual([compensate.compensated])
      const callsBefore = calls.length
      await deliver(app, platform, example(step.command))
      expect(published()).toEqual([compensate.compensated, step.failed])
      // Nothing was begun at a partner: no compensation would follow.
      expect(calls.slice(callsBefore)).toEqual([])
    },
  )
})
