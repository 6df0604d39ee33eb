/** A service that no longer sends a command: what it enqueued before is still taken, and it can enqueue nothing more. */

import { expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts } from '../../shared/contracts/contract.ts'
import { defineService } from '../../shared/service/service.ts'
import { synthesize } from '../../stacks/app.ts'
import { environments } from '../../stacks/environments.ts'
import { variablesOf } from '../../stacks/service-variables.ts'
import { declared } from './synthesized.testing.ts'

const { dev } = environments
const serve = { version: 1, data: z.strictObject({}), example: {} }
const description = { ingress: 'internal', uses: [], on: [], sends: [] } as const
const waiter = defineService({
  ...description,
  name: 'waiter',
  contracts: defineContracts({ service: 'waiter', events: {}, commands: {} }),
})
const kitchen = defineService({
  ...description,
  name: 'kitchen',
  contracts: defineContracts({
    service: 'kitchen',
    events: {},
    commands: {
      Cook: { ...serve, formerSenders: ['waiter', 'butler'] },
      Clean: serve,
    },
  }),
})
const restaurant = {
  services: { 1: kitchen, 2: waiter },
  partners: {},
  views: { folder: new URL('.', import.meta.url), names: [] },
  settings: () => ({}),
  goals: () => ({}),
}

it('may still deliver that command, also when the service is gone, and no other', () => {
  const senders = JSON.parse(variablesOf(kitchen, restaurant, dev)['SENDERS']!) as Record<string, string[]>
  const emails = ['waiter', 'butler'].map((name) => `${name}@${dev.projectId}.iam.gserviceaccount.com`)
  expect(senders).toMatchObject({ Cook: emails, Clean: [] })
})

it('may call the service, where it has an account, and has no right to the queue', () => {
  const stacks = synthesize(dev, restaurant)
  const members = (type: string): string[] =>
    declared(dev, type, stacks).flatMap(({ stack, attributes }) =>
      stack === 'dev-kitchen' ? (attributes['members'] as string[]) : [],
    )
  expect(members('google_cloud_run_v2_service_iam_binding').filter((member) => /waiter|butler/.test(member))).toEqual([
    `serviceAccount:waiter@${dev.projectId}.iam.gserviceaccount.com`,
  ])
  expect(members('google_cloud_tasks_queue_iam_binding').filter((member) => /waiter|butler/.test(member))).toEqual([])
})
