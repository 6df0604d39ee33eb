/** Pub/Sub and Cloud Tasks: delivery at least once and in any order, redelivery after a failure, dead letters in the end. */

import type { ServiceApp } from '../../../shared/service/service-app.ts'
import type { Envelope } from '../../../shared/contracts/envelope.ts'
import { createReceiver, type Receiver } from '../../../shared/runtime/receive.ts'
import { testConfig } from '../../../shared/base/config.testing.ts'
import type { SentCommand, TestPlatform } from '../../../shared/runtime/platform.testing.ts'
import type { VirtualSchedule, Item } from './virtual-schedule.ts'

/** The setting of the stacks. */
const MAX_DELIVERIES = 20
const FIRST_WAIT_MS = 1_000
const MAX_WAIT_MS = 600_000
/** The time after which a task's name can be used again. */
const NAMES_KNOWN_MS = 3_600_000

export interface DeadLetter {
  readonly service: string
  readonly type: string
  readonly data: string
}

export interface Bus {
  publish(events: readonly Envelope[]): void
  send(commands: readonly SentCommand[]): void
  /** Delivers any bytes to one subscriber as a push. */
  deliver(service: string, type: string, data: string): Item
  /** The messages that Pub/Sub or a service has dead-lettered. */
  deadLetters(): readonly DeadLetter[]
  /** Replays a dead letter by a task to the service that failed. */
  replay(letter: DeadLetter): Item
  /** The backoff before its next attempt. */
  readonly waitMs: (attempts: number) => number
}

export interface Listener {
  readonly app: ServiceApp
  readonly platform: TestPlatform
}

export function createBus(
  schedule: VirtualSchedule,
  listeners: ReadonlyMap<string, Listener>,
  latencyMs: () => number,
): Bus {
  const receivers = new Map<string, Receiver>()
  const receiverOf = (service: string): Receiver => {
    const { app, platform } = listeners.get(service)!
    const known = receivers.get(service) ?? createReceiver(app, platform, testConfig(service))
    receivers.set(service, known)
    return known
  }
  const givenUp: DeadLetter[] = []
  /** The time at which each task name may be used again; Infinity while the task waits. */
  const names = new Map<string, number>()

  const deliver = (service: string, type: string, data: string, envelope?: Envelope): Item =>
    schedule.add({
      kind: 'event',
      to: service,
      type,
      dueMs: schedule.now() + latencyMs(),
      ...(envelope ? { envelope } : {}),
      async handle({ order, attempts }) {
        const message = { data: Buffer.from(data).toString('base64'), attributes: {}, messageId: `message-${order}` }
        const body = Buffer.from(JSON.stringify({ message, subscription: `${service}.${type}` }))
        if ((await receiverOf(service).event(type, body)).status === 204) return true
        if (attempts + 1 < MAX_DELIVERIES) return false
        givenUp.push({ service, type, data })
        return true
      },
    })

  const task = (target: string, envelope: Envelope, dueMs: number, name: string): Item =>
    schedule.add({
      kind: 'command',
      to: target,
      type: envelope.type,
      envelope,
      dueMs,
      async handle({ attempts }) {
        const outcome = await receiverOf(target).command(envelope.type, Buffer.from(JSON.stringify(envelope)), {
          name,
          retries: attempts,
        })
        if (outcome.status !== 204) return false
        names.set(`${target}/${name}`, schedule.now() + NAMES_KNOWN_MS)
        return true
      },
    })

  return {
    deliver,
    waitMs: (attempts) => Math.min(FIRST_WAIT_MS * 2 ** attempts, MAX_WAIT_MS),
    publish(events) {
      for (const event of events) {
        for (const [service, { platform }] of listeners)
          if (platform.service.on.includes(event.type)) deliver(service, event.type, JSON.stringify(event), event)
      }
    },
    send(commands) {
      for (const { target, envelope, notBeforeMs, unnamed } of commands) {
        const name = `${target}/${envelope.id}`
        // ALREADY_EXISTS: an earlier attempt has created the task.
        if (!unnamed && (names.get(name) ?? 0) > schedule.now()) continue
        if (!unnamed) names.set(name, Infinity)
        task(target, envelope, notBeforeMs ?? schedule.now() + latencyMs(), envelope.id)
      }
    },
    deadLetters: () => [
      ...givenUp,
      ...[...listeners].flatMap(([service, { platform }]) =>
        platform.deadLetters.map(({ data, attributes }) => ({ service, type: attributes['type']!, data })),
      ),
    ],
    replay: ({ service, type, data }) => {
      const isEvent = listeners.get(service)!.platform.service.on.includes(type)
      return isEvent
        ? deliver(service, type, data)
        : task(service, JSON.parse(data) as Envelope, schedule.now(), 'replay')
    },
  }
}
