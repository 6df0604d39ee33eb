/** Steps that a person may try again with other data, and whose outcome is looked up when the time is up. */

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts } from '../contracts/contract.ts'
import { defineSaga, frozenVersions, type SagaDefinition } from './definition.ts'
import {
  abort,
  attemptsLeft,
  begin,
  onReply,
  onTimer,
  retry,
  type SagaState,
  type Transition,
  tryAgain,
} from './saga.ts'
import { sagaState } from './state.ts'

interface Trip {
  readonly tripId: string
  readonly attempt?: number
}
const trip: Trip = { tripId: 't-1' }
const data = z.strictObject({ tripId: z.string(), attempt: z.int().optional() })
const example = trip
const event = { version: 1, data, example }
const hotels = defineContracts({
  service: 'hotels',
  events: {
    'room.booked': event,
    'room.refused': event,
    'room.asks': event,
    'room.open': event,
    'room.cancelled': event,
    'taxi.booked': event,
    'taxi.gone': event,
  },
  commands: {
    BookRoom: { version: 1, data, example },
    FindRoom: { version: 1, data, example },
    CancelRoom: { version: 1, data, example, retryForever: true, compensates: 'BookRoom' },
    AskTaxi: { version: 1, data, example, readOnly: true },
  },
})
const tripOf = (context: Trip) => context
const bookRoom = {
  name: 'book-room',
  command: 'BookRoom',
  data: tripOf,
  done: 'room.booked',
  failed: 'room.refused',
  timeoutSeconds: 30,
  pendingOn: { event: 'room.asks', timeoutSeconds: 100, onTimeout: 'guest-did-not-act' },
  tryAgain: {
    maxAttempts: 3,
    timeoutSeconds: 20,
    attemptOf: ({ attempt = 1 }: { readonly attempt?: number | undefined }) => attempt,
  },
  inquire: { command: 'FindRoom', data: tripOf, undecided: 'room.open', timeoutSeconds: 10 },
  compensate: { command: 'CancelRoom', data: tripOf, compensated: 'room.cancelled' },
} as const
const base = {
  name: 'booking',
  version: 1,
  contracts: [hotels],
  idOf: ({ tripId }: Trip) => tripId,
  successEvents: ['trip.booked'],
} as const
const booking = defineSaga({ ...base, steps: [bookRoom] })

/** Only what the owner records of it survives. */
const recorded = (state: SagaState): SagaState => sagaState.parse(JSON.parse(JSON.stringify(state)))
const sent = (transition: Transition | undefined): string[] => transition!.commands.map(({ type }) => type)
const at = (seconds: number): number => seconds * 1_000
type Kind = 'booked' | 'refused' | 'asks' | 'open'
const reply = (state: SagaState, kind: Kind, seconds = 0, attempt = 1): Transition | undefined =>
  onReply(booking, state, { type: `room.${kind}`, data: { tripId: 't-1', attempt } } as never, trip, at(seconds))
const again = (state: SagaState, seconds: number, attempt = 2): Transition | undefined =>
  tryAgain(booking, state, { ...trip, attempt }, at(seconds))
const begun = begin(booking, trip, 0).state
const refused = recorded(reply(begun, 'refused', 5)!.state)

describe('a step that a person may try again', () => {
  it('waits after a failure, within the time that begins when the person first has to act', () => {
    expect(attemptsLeft(booking, begun)).toBe(0)
    expect(again(begun, 1)).toBeUndefined()
    expect(attemptsLeft(booking, refused)).toBe(2)
    const second = again(refused, 50)!
    expect(second.commands).toEqual([{ type: 'BookRoom', data: { tripId: 't-1', attempt: 2 } }])
    expect(again(second.state, 51)).toBeUndefined()
    expect(attemptsLeft(booking, second.state)).toBe(0)
    const third = again(recorded(reply(second.state, 'refused', 60, 2)!.state), 104, 3)!
    expect(third.state).toMatchObject({ attempt: 3, personUntilMs: at(105), deadlineMs: at(124) })
    expect(reply(third.state, 'booked', 110, 3)!.outcome).toEqual({ type: 'committed' })
  })

  it('is rejected by the failure of the last attempt, which is compensated: an earlier one may have had effects', () => {
    const second = recorded(again(refused, 10)!.state)
    const third = recorded(again(reply(second, 'refused', 20, 2)!.state, 30, 3)!.state)
    const last = reply(third, 'refused', 40, 3)!
    expect(last.outcome).toEqual({ type: 'rejected', reason: 'room.refused', expired: false })
    expect(sent(last)).toEqual(['CancelRoom'])
  })

  it('expires with the last failure when the person gives nothing: there is no outcome to look up, and nothing to compensate', () => {
    expect(onTimer(booking, refused, trip, at(104))).toBeUndefined()
    expect(again(refused, 105)).toBeUndefined()
    const late = onTimer(booking, refused, trip, at(105))!
    expect(late.outcome).toEqual({ type: 'rejected', reason: 'room.refused', expired: true })
    expect(sent(late)).toEqual([])
  })

  it('is rejected by a failure after the time of the person, whose last attempt had its own time', () => {
    const second = again(refused, 104)!.state
    expect(reply(second, 'refused', 110, 2)!.outcome).toMatchObject({ reason: 'room.refused', expired: false })
  })

  it('takes other data in place of the action too, and ignores replies to the earlier attempt but its success', () => {
    const requested = recorded(reply(begun, 'asks', 5)!.state)
    expect(attemptsLeft(booking, requested)).toBe(2)
    const second = recorded(again(requested, 50)!.state)
    for (const kind of ['refused', 'asks', 'open'] as const) expect(reply(second, kind, 60)).toBeUndefined()
    expect(reply(second, 'booked', 60)!.outcome).toEqual({ type: 'committed' })
    const requestedAgain = reply(second, 'asks', 60, 2)!.state
    expect(requestedAgain).toMatchObject({ deadlineMs: at(105), isPersonsTurn: true })
  })

  it('is rejected at once by a failure that no person can remedy', () => {
    const { tryAgain: mayTry } = bookRoom
    const strict = defineSaga({ ...base, steps: [{ ...bookRoom, tryAgain: { ...mayTry, isFinal: () => true } }] })
    const failure = { type: 'room.refused', data: { tripId: 't-1' } } as const
    expect(onReply(strict, begun, failure, trip, 0)!.outcome).toMatchObject({ type: 'rejected', expired: false })
  })

  it('takes no action of an attempt that has failed', () => {
    expect(reply(refused, 'asks', 6)).toBeUndefined()
    expect(reply(refused, 'refused', 6)).toBeUndefined()
  })

  it('is retried by an operator only while a reply is missing', () => {
    expect(retry(booking, refused, trip, at(10))).toBeUndefined()
    expect(sent(retry(booking, again(refused, 10)!.state, trip, at(11)))).toEqual(['BookRoom', 'RepublishEvents'])
  })

  it('is compensated when the owner aborts, in whichever attempt', () => {
    for (const state of [refused, again(refused, 10)!.state])
      expect(sent(abort(booking, state, trip, 0))).toEqual(['CancelRoom'])
  })
})

describe('a step whose outcome is looked up', () => {
  const requested = recorded(reply(begun, 'asks', 5)!.state)
  const inquiring = recorded(onTimer(booking, requested, trip, at(105))!.state)

  it('is not compensated before the inquiry is answered, and its recorded reply is requested again', () => {
    const inquiry = onTimer(booking, requested, trip, at(105))!
    expect(sent(inquiry)).toEqual(['FindRoom', 'RepublishEvents'])
    expect(inquiry.outcome).toBeUndefined()
    expect(onTimer(booking, inquiring, trip, at(114))).toBeUndefined()
    expect(again(inquiring, 106)).toBeUndefined()
    expect(sent(retry(booking, inquiring, trip, at(106)))).toEqual(['FindRoom', 'RepublishEvents'])
  })

  it('goes on when it was done, is rejected when it has failed, and is compensated when it is undecided', () => {
    expect(reply(inquiring, 'booked', 106)!.outcome).toEqual({ type: 'committed' })
    const failed = reply(inquiring, 'refused', 106)!
    expect(failed.outcome).toEqual({ type: 'rejected', reason: 'room.refused', expired: false })
    const undecided = reply(inquiring, 'open', 106)!
    expect(undecided.outcome).toEqual({ type: 'rejected', reason: 'guest-did-not-act', expired: true })
    expect(sent(undecided)).toEqual(['CancelRoom'])
  })

  it('is compensated without an answer, as one that may have been performed', () => {
    const late = onTimer(booking, inquiring, trip, at(115))!
    expect(late.outcome).toEqual({ type: 'rejected', reason: 'guest-did-not-act', expired: true })
    expect(sent(late)).toEqual(['CancelRoom'])
  })

  it('that got no reply at all is a timeout, unless the inquiry finds that a person may remedy it', () => {
    const silent = onTimer(booking, begun, trip, at(30))!.state
    expect(reply(silent, 'open', 31)!.outcome).toMatchObject({ reason: 'book-room-timed-out', expired: false })
    expect(reply(silent, 'refused', 31)!.state).toMatchObject({ phase: 'running', deadlineMs: at(131) })
    expect(reply(silent, 'asks', 31)!.state).not.toHaveProperty('isInquiring')
  })

  it('ignores an undecided answer while it does not inquire', () => {
    expect(reply(requested, 'open', 50)).toBeUndefined()
  })
})

it('is part of the frozen definition, with the commands that its owner sends', () => {
  expect(frozenVersions(booking)['booking@1']).toMatchObject([
    { tryAgain: true, inquire: 'FindRoom', undecided: 'room.open' },
  ])
})

describe('a definition', () => {
  const { pendingOn: _time, ...withoutTime } = bookRoom
  const askTaxi = {
    name: 'ask',
    command: 'AskTaxi',
    data: tripOf,
    done: 'taxi.booked',
    failed: 'taxi.gone',
    timeoutSeconds: 9,
  }
  it.each([
    [withoutTime, /has no pendingOn/],
    [{ ...bookRoom, tryAgain: { ...bookRoom.tryAgain, timeoutSeconds: 0 } }, /no timeout of a further attempt/],
    [{ ...bookRoom, inquire: { ...bookRoom.inquire, timeoutSeconds: 0 } }, /no timeout of its inquiry/],
    [{ ...askTaxi, inquire: bookRoom.inquire }, /nothing depends on the answer/],
  ])('that can not work is refused: %#', (step, problem) => {
    const definition = { ...base, steps: [step] } as unknown as SagaDefinition<Trip, [typeof hotels]>
    expect(() => defineSaga(definition)).toThrow(problem)
  })
})
