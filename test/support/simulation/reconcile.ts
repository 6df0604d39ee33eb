/** A run of reconciliation over a world, and the commits by hand that plant a difference. */

import type { Difference } from '../../../functions/reconciliation/contracts.ts'
import { freshId } from '../../../shared/base/ids.ts'
import type { Commit } from '../../../shared/messaging/stream-store.ts'
import { testTrace } from '../../../shared/runtime/platform.testing.ts'
import type { World } from './world.ts'

const HOUR_MS = 3_600_000

interface Result {
  readonly differences: readonly Difference[]
  readonly ended: {
    readonly inFlight: number
    readonly differences: number
    readonly compared: Readonly<Record<string, number>>
  }
}

/** Runs until the run has ended. @throws Error if it does not end within an hour */
export async function reconcile(world: World, minAgeMinutes = 0): Promise<Result> {
  const command = world.commandTo('reconciliation', 'ReconcileRecords', { minAgeMinutes }, { key: freshId(0) })
  world.bus.send([{ target: 'reconciliation', envelope: command }])
  const own = () =>
    world
      .platform('reconciliation')
      .published.filter(({ data }) => (data as { readonly runId: string }).runId === command.id)
  const ended = () => own().find(({ type }) => type === 'reconciliation.ended')
  await world.run({ forMs: HOUR_MS, until: () => ended() !== undefined })
  if (!ended()) throw new Error('The run did not end.')
  // The last page writes its lines after its commit.
  await world.run({ forMs: 1_000 })
  return {
    differences: own()
      .filter(({ type }) => type === 'difference.found')
      .map(({ data }) => data as Difference),
    ended: ended()!.data as Result['ended'],
  }
}

type Event = { readonly type: string; readonly version: number; readonly data: object }

/** A commit by hand, as a person with access to the database could make it. */
export function append(world: World, service: string, id: string, events: readonly Event[]): void {
  const streams = world.platform(service).commitsByStream() as Map<string, readonly Commit[]>
  const commit: Commit = {
    cause: freshId(0),
    time: new Date(world.schedule.now()).toISOString(),
    correlationId: id,
    actor: 'person:jo',
    traceparent: testTrace,
    events: events.map((event) => ({ ...event, id: freshId(0), sequence: 0 })),
    commands: [],
  }
  streams.set(id, [...(streams.get(id) ?? []), commit])
}

export const authorized = (orderId: string): Event[] => [
  { type: 'payment.agreed', version: 2, data: { currency: 'EUR', totalMinor: 500, shippingMinor: 0, lines: [] } },
  {
    type: 'payment.authorized',
    version: 2,
    data: {
      orderId,
      paymentId: `p-${orderId}`,
      amountMinor: 500,
      currency: 'EUR',
      expiresAt: '2027-01-01T00:00:00.000Z',
      authorization: 1,
    },
  },
]
