/**
 * Every compensation is answered by its owner also when it comes before the command that it compensates, and that command is
 * refused when it comes later: a saga compensates a step whose reply was lost, without knowing whether it was performed.
 */

import { expect, it } from 'vitest'
import type { Contracts } from '../contracts/contract.ts'
import type { Envelope } from '../contracts/envelope.ts'
import { deliver, message } from '../runtime/deliver.testing.ts'
import { testPlatform } from '../runtime/platform.testing.ts'
import type { Service } from '../service/service.ts'
import type { ServiceApp } from '../service/service-app.ts'
import { ownerOf } from './definition.ts'

type Saga = NonNullable<Service['saga']>['definition']
type Step = Saga['steps'][number]

export interface Compensation {
  readonly step: Pick<Step, 'command' | 'failed'>
  readonly compensate: NonNullable<Step['compensate']>
  readonly owner: Contracts
  readonly service: Service
}

/** The compensations of every saga, of retired steps too. */
export const compensationsOf = (services: readonly Service[]): readonly Compensation[] =>
  services.flatMap(({ saga }) =>
    (saga ? [...saga.definition.steps, ...saga.definition.retired] : []).flatMap(({ compensate, ...step }) => {
      const owner = ownerOf(saga!.definition, step.command)!
      const service = services.find(({ name }) => name === owner.service)!
      return compensate ? [{ step, compensate, owner, service }] : []
    }),
  )

/** Declares a test for each of these. @param settings the values of the business's settings */
export function testCompensations(
  compensations: readonly Compensation[],
  load: (service: string) => Promise<ServiceApp>,
  settings: Readonly<Record<string, string>>,
): void {
  it.each(compensations)(
    '$compensate.command is answered before $step.command, which is refused later',
    async ({ step, compensate, owner, service }) => {
      const calls: string[] = []
      const platform = testPlatform(service, {
        settings,
        // A partner that knows nothing of it, and has nothing to take back.
        async callExternal(url, { method }) {
          calls.push(`${method} ${url}`)
          return new Response('{}', { status: method === 'GET' ? 404 : 200 })
        },
      })
      const app = await load(service.name)
      const example = (name: string): Envelope => {
        const { example: data, version } = owner.commands[name]!
        return message(name, data, { subject: 'one', sequence: 0, version })
      }
      const published = (): string[] => platform.published.map(({ type }) => type)

      await deliver(app, platform, example(compensate.command))
      // The work that the service has to do for it is a command to itself.
      for (const { envelope } of platform.sent) await deliver(app, platform, envelope)
      expect(published()).toEqual([compensate.compensated])
      const callsBefore = calls.length
      await deliver(app, platform, example(step.command))
      expect(published()).toEqual([compensate.compensated, step.failed])
      // Nothing was begun at a partner: no compensation would follow.
      expect(calls.slice(callsBefore)).toEqual([])
    },
  )
}
