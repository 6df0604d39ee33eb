/** A second service with a saga, beside orders: its messages are derived, and its reports reach operators, history and BigQuery. */

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { loadApp } from '../../functions/apps.ts'
import { business, services } from '../../functions/index.ts'
import { implement } from '../../shared/service/app.ts'
import { defineContracts } from '../../shared/contracts/contract.ts'
import type { Envelope } from '../../shared/contracts/envelope.ts'
import type { Message } from '../../shared/contracts/message.ts'
import { reference } from '../../shared/base/fields.ts'
import type { Decision, Platform } from '../../shared/service/platform.ts'
import { createReceiver } from '../../shared/runtime/receive.ts'
import { defineSaga } from '../../shared/saga/definition.ts'
import { begin, onReply, onTimer, type SagaState, type Transition } from '../../shared/saga/saga.ts'
import { defineService, publishedBy, type Service } from '../../shared/service/service.ts'
import { testConfig } from '../../shared/base/config.testing.ts'
import { deliver, message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { synthesize } from '../../stacks/app.ts'
import { environments } from '../../stacks/environments.ts'

const data = z.strictObject({ tripId: reference })
const example = { tripId: 't-1' }
type Trip = z.output<typeof data>
const event = { version: 1, data, example }

const airlineContracts = defineContracts({
  service: 'airline',
  events: { 'flight.booked': event, 'flight.full': event, 'flight.cancelled': event, 'flight.delayed': event },
  commands: {
    BookFlight: { version: 1, data, example },
    CancelFlight: { version: 1, data, example, retryForever: true, compensates: 'BookFlight' },
  },
})
const travelContracts = defineContracts({
  service: 'travels',
  events: { 'trip.requested': event, 'trip.booked': event, 'trip.refused': event },
  recorded: { 'trip.progressed': { version: 1, data: z.any(), example: {} } },
  commands: {
    RequestTrip: { version: 1, data, example },
    ContinueTrip: { version: 1, data, example, retryForever: true },
  },
})
const tripOf = ({ tripId }: Trip) => ({ tripId })
const booking = defineSaga({
  name: 'booking',
  version: 1,
  contracts: [airlineContracts],
  idOf: ({ tripId }: Trip) => tripId,
  successEvents: ['trip.booked'],
  steps: [
    {
      name: 'book-flight',
      command: 'BookFlight',
      data: tripOf,
      done: 'flight.booked',
      failed: 'flight.full',
      timeoutSeconds: 10,
      compensate: { command: 'CancelFlight', data: tripOf, compensated: 'flight.cancelled' },
    },
  ],
})
const sagaOfTrips = {
  definition: booking,
  stateIn: ({ type, data: state }: Message) => (type === 'trip.progressed' ? (state as SagaState) : undefined),
  startsOn: 'trip.requested',
  endsOn: { 'trip.booked': 'completed', 'trip.refused': 'rejected' },
} as const
const description = {
  name: 'travels',
  ingress: 'internal',
  contracts: travelContracts,
  uses: [],
  on: [],
  sends: ['ContinueTrip'],
  collections: { streams: { unindexed: ['*'] } },
} as const
const travels = defineService({ ...description, saga: sagaOfTrips })

const stateOf = (events: readonly { readonly type: string; readonly data: unknown }[]): SagaState | undefined =>
  events.findLast(({ type }) => type === 'trip.progressed')?.data as SagaState | undefined
const decisionOf = (transition: Transition | undefined): Decision<Message> => ({
  events: transition ? [...transition.events, { type: 'trip.progressed', data: transition.state }] : [],
  commands: transition?.commands ?? [],
})
const advance = (
  { id, type, data: trip, ...rest }: Envelope<string, Trip>,
  platform: Platform,
  next: (state: SagaState) => Transition | undefined,
): Promise<Decision<Message>> =>
  platform.streams.handle<Message>({ id, type, data: trip, ...rest }, trip.tripId, ({ events }) =>
    decisionOf(next(stateOf(events)!)),
  )
const app = implement(travels, {
  on: {},
  onSagaReply: (reply, platform) =>
    advance(reply, platform, (state) => onReply(booking, state, reply, reply.data, platform.now())),
  commands: {
    RequestTrip: (request, platform) =>
      platform.streams.handle<Message>(request, request.data.tripId, () =>
        decisionOf(begin(booking, request.data, platform.now())),
      ),
    ContinueTrip: (timer, platform) =>
      advance(timer, platform, (state) => onTimer(booking, state, timer.data, platform.now())),
  },
})

describe('a second service with a saga', () => {
  it("has the saga's messages in its description without naming them", () => {
    expect(travels as Service).toMatchObject({
      uses: [airlineContracts],
      on: ['flight.booked', 'flight.full', 'flight.cancelled'],
      sends: ['ContinueTrip', 'BookFlight', 'CancelFlight'],
      requestsRepublishFrom: ['airline'],
      saga: { name: 'booking' },
    })
    expect(publishedBy(travels)).toContain('saga.stuck')
    expect(Object.keys(app.on)).toEqual(['flight.booked', 'flight.full', 'flight.cancelled'])
  })

  it('reports a stuck saga by an event of its own stream, which history records like that of orders', async () => {
    const platform = testPlatform(travels)
    await deliver(app, platform, message('RequestTrip', example, { subject: 't-1' }))
    for (let attempt = 0; attempt < 6; attempt++) {
      platform.advance(60_000)
      await deliver(app, platform, message('ContinueTrip', example, { subject: 't-1', key: attempt }))
    }
    const [report] = platform.published
    expect(report).toMatchObject({
      type: 'saga.stuck',
      source: 'travels',
      sequence: 1,
      data: { sagaId: 't-1', step: 'compensate book-flight', attempt: 5 },
    })
    // The log line that the alert counts.
    expect(platform.logs).toContainEqual(
      expect.objectContaining({
        severity: 'ERROR',
        event: 'saga.stuck',
        fields: expect.objectContaining({ sagaId: 't-1' }),
      }),
    )

    const history = services.find(({ name }) => name === 'history')!
    const historyPlatform = testPlatform(history)
    const receiver = createReceiver(await loadApp('history'), historyPlatform, testConfig('history'))
    const letter = { messageId: 'm-1', data: Buffer.from(JSON.stringify(report)), attributes: { type: 'saga.stuck' } }
    expect(await receiver.replay(letter, 1)).toEqual({ type: 'saga.stuck', outcome: { status: 204 } })
    expect(JSON.stringify([...historyPlatform.storedDocuments().values()])).toContain('"source":"travels"')
  })

  it('publishes what implies success at its pivot or later, and not while a step waits for its answer', async () => {
    const platform = testPlatform(travels)
    const take = (type: string, about = {}) =>
      deliver(app, platform, message(type, example, { subject: 't-1', ...about }))
    const succeed = (key: number): Promise<unknown> =>
      platform.streams.handle<Message>(message('ContinueTrip', example, { subject: 't-1', key }), 't-1', () => ({
        events: [{ type: 'trip.booked', data: example }],
        commands: [],
      }))
    await take('RequestTrip')
    await expect(succeed(1)).rejects.toThrow(
      'trip.booked implies success, and the saga booking has not reached its pivot',
    )
    await take('flight.booked')
    await succeed(2)
    expect(platform.published.map(({ type }) => type)).toEqual(['trip.booked'])
  })

  it('publishes its reports to the same topic as orders, with one subscription for BigQuery and one for operators', () => {
    const airline: Service = {
      ...defineService({
        ...description,
        name: 'airline',
        contracts: airlineContracts,
        sends: [],
      }),
    }
    const stacks = synthesize(environments.dev, { ...business, services: [...services, airline, travels] })
    const resources = stacks.flatMap(({ name, json }) =>
      Object.entries(json.resource ?? {}).flatMap(([type, byId]) =>
        Object.values(byId).map((attributes) => ({ stack: name, type, text: JSON.stringify(attributes) })),
      ),
    )
    const about = (type: string, text: string): string[] =>
      resources.filter((one) => one.type === type && one.text.includes(text)).map((one) => `${one.stack} ${one.text}`)
    expect(about('google_pubsub_topic', '"saga.stuck"')).toEqual([expect.stringMatching(/^dev-bus /)])
    expect(about('google_pubsub_topic_iam_binding', '.topic-sagastuck')).toEqual([
      expect.stringMatching(/^dev-bus .*"serviceAccount:orders@[^"]+","serviceAccount:travels@[^"]+"\]/),
    ])
  })
})

describe('a service whose description or handlers contradict its saga', () => {
  it('is refused with its own handler for a reply', () => {
    const refused = () =>
      defineService({ ...description, uses: [airlineContracts], on: ['flight.booked'], saga: sagaOfTrips })
    expect(refused).toThrow("travels can't have the saga booking: flight.booked is a reply to one of its steps")
  })

  it('is refused with an objective for an outcome that the saga can not have', () => {
    const objective = { name: 'trips-booked', title: 'Trips are booked', good: 'booked' }
    const refused = () => defineService({ ...description, saga: { ...sagaOfTrips, objective } })
    expect(refused).toThrow('its objective trips-booked counts "booked" as good, but it ends as completed, rejected.')
  })

  it.each([
    [['trip.bookd'], 'trip.bookd is no event of it'],
    [[], 'there must be one'],
  ])('is refused when the events that imply success are %j', (successEvents, reason) => {
    const definition = { ...booking, successEvents } as typeof booking
    expect(() => defineService({ ...description, saga: { ...sagaOfTrips, definition } })).toThrow(reason)
  })

  it('is refused when the saga starts with an event that implies success', () => {
    const refused = () => defineService({ ...description, saga: { ...sagaOfTrips, startsOn: 'trip.booked' } })
    expect(refused).toThrow('it starts on trip.booked, which implies success')
  })

  it('is refused when the event of its good end is not one that implies success', () => {
    const objective = { name: 'trips-booked', title: 'Trips are booked', good: 'completed' }
    const definition = { ...booking, successEvents: ['trip.refused'] } as typeof booking
    expect(() => defineService({ ...description, saga: { ...sagaOfTrips, definition, objective } })).toThrow(
      'it ends well on trip.booked, which implies success: list it in successEvents',
    )
  })

  it('is refused without streams', () => {
    expect(() => defineService({ ...description, collections: {}, saga: sagaOfTrips })).toThrow(
      'it has no collection "streams", in which a saga\'s state is recorded',
    )
  })

  it('is refused without an event for each of its ends: rejected, expired', () => {
    const endsOn = { 'trip.booked': 'completed' }
    const refused = (saga: object) => () => defineService({ ...description, saga: { ...sagaOfTrips, ...saga } })
    expect(refused({ endsOn })).toThrow('it can end as "rejected", but endsOn has no event with this outcome')
    const pendingOn = { event: 'flight.delayed', timeoutSeconds: 60, onTimeout: 'late' }
    const definition = { ...booking, steps: booking.steps.map((step) => ({ ...step, pendingOn })) }
    expect(refused({ definition })).toThrow('it can end as "expired", but endsOn has no event with this outcome')
  })

  it('does not compile with a handler that misspells a reply or a field of one', () => {
    const commands = { RequestTrip: async () => {}, ContinueTrip: async () => {} }
    implement(travels, { on: {}, commands, onSagaReply: async ({ data: { tripId } }) => tripId })
    // @ts-expect-error no reply has a field trip
    implement(travels, { on: {}, commands, onSagaReply: async ({ data: { trip } }) => trip })
    // @ts-expect-error flight.delayed answers no step
    implement(travels, { on: {}, commands, onSagaReply: async ({ type }) => type === 'flight.delayed' })
    // @ts-expect-error misspelt
    implement(travels, { on: {}, commands, onSagaReply: async ({ type }) => type === 'flight.bookd' })
    // @ts-expect-error the data of another message
    implement(travels, { on: {}, commands, onSagaReply: async (reply: Envelope<string, { code: string }>) => reply })
  })

  it('does not compile without a handler for its replies', () => {
    const commands = { RequestTrip: async () => {}, ContinueTrip: async () => {} }
    // @ts-expect-error onSagaReply is missing
    implement(travels, { on: {}, commands })
  })
})
