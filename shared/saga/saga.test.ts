import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { defineContracts } from '../contracts/contract.ts'
import { Unavailable } from '../base/errors.ts'
import { defineSaga, frozenVersions, type ReplyOf, type Saga, type SagaDefinition } from './definition.ts'
import {
  abort,
  begin,
  isAtFirstStep,
  nextTimeoutMs,
  onReply,
  onTimer,
  retry,
  type SagaState,
  type Transition,
} from './saga.ts'
import { waitsOf } from './state.ts'

interface Trip {
  readonly tripId: string
}
const trip: Trip = { tripId: 't-1' }
const data = z.strictObject({ tripId: z.string() })
const example = trip
const event = { version: 1, data, example }
const travel = defineContracts({
  service: 'travel',
  events: {
    'flight.booked': event,
    'flight.full': event,
    'flight.cancelled': event,
    'visa.fine': event,
    'visa.missing': event,
    'hotel.booked': event,
    'hotel.full': event,
    'hotel.cancelled': event,
    'hotel.asks': event,
    'car.booked': event,
    'car.gone': event,
    'car.cancelled': event,
    'mail.sent': event,
    'mail.failed': event,
  },
  commands: {
    BookFlight: { version: 1, data, example },
    CancelFlight: { version: 1, data, example, retryForever: true, compensates: 'BookFlight' },
    CheckVisa: { version: 1, data, example, readOnly: true },
    BookHotel: { version: 1, data, example },
    CancelHotel: { version: 1, data, example, retryForever: true, compensates: 'BookHotel' },
    BookCar: { version: 1, data, example },
    CancelCar: { version: 1, data, example, retryForever: true, compensates: 'BookCar' },
    RefundFlight: { version: 1, data, example, retryForever: true },
    ForgetFlight: { version: 1, data, example, compensates: 'BookFlight' },
    SendMail: { version: 1, data, example },
  },
})

const tripOf = ({ tripId }: Trip) => ({ tripId })
const bookFlight = {
  name: 'book-flight',
  command: 'BookFlight',
  data: tripOf,
  done: 'flight.booked',
  failed: 'flight.full',
  timeoutSeconds: 10,
  compensate: { command: 'CancelFlight', data: tripOf, compensated: 'flight.cancelled' },
} as const
const checkVisa = {
  name: 'check-visa',
  command: 'CheckVisa',
  data: tripOf,
  done: 'visa.fine',
  failed: 'visa.missing',
  timeoutSeconds: 20,
} as const
const bookHotel = {
  name: 'book-hotel',
  command: 'BookHotel',
  data: tripOf,
  done: 'hotel.booked',
  failed: 'hotel.full',
  timeoutSeconds: 30,
  pendingOn: { event: 'hotel.asks', timeoutSeconds: 100, onTimeout: 'hotel-did-not-answer' },
  compensate: { command: 'CancelHotel', data: tripOf, compensated: 'hotel.cancelled' },
} as const
const bookCar = {
  name: 'book-car',
  command: 'BookCar',
  data: tripOf,
  done: 'car.booked',
  failed: 'car.gone',
  timeoutSeconds: 10,
  compensate: { command: 'CancelCar', data: tripOf, compensated: 'car.cancelled' },
} as const
const base = {
  name: 'booking',
  version: 1,
  contracts: [travel],
  idOf: ({ tripId }: Trip) => tripId,
  successEvents: ['trip.booked'],
} as const
const booking = defineSaga({ ...base, steps: [bookFlight, checkVisa, bookHotel] })

const sent = (transition: Transition | undefined): string[] => transition!.commands.map(({ type }) => type)
const reply = (state: SagaState, type: string, nowMs = 0, saga: Saga<Trip> = booking): Transition | undefined =>
  onReply(saga, state, { type, data: trip }, trip, nowMs)
const after = (...types: string[]): SagaState =>
  types.reduce((state, type) => reply(state, type)!.state, begin(booking, trip, 0).state)
const compensationsOf = ({ compensations }: SagaState): string[] => compensations.map(({ step }) => step)

describe('a saga that goes forward', () => {
  it('records the compensation before it sends the step', () => {
    const first = begin(booking, trip, 1_000)
    expect(first.commands).toEqual([{ type: 'BookFlight', data: trip }])
    expect(compensationsOf(first.state)).toEqual(['book-flight'])
    expect(nextTimeoutMs(first.state)).toBe(11_000)
  })

  it('runs step by step to the pivot, after which nothing is compensated or due', () => {
    expect(sent(reply(after(), 'flight.booked'))).toEqual(['CheckVisa'])
    expect(sent(reply(after('flight.booked'), 'visa.fine'))).toEqual(['BookHotel'])
    const last = reply(after('flight.booked', 'visa.fine'), 'hotel.booked')!
    expect(last.outcome).toEqual({ type: 'committed' })
    expect(nextTimeoutMs(last.state)).toBeUndefined()
    for (const late of ['flight.full', 'hotel.full', 'hotel.cancelled', 'flight.booked', 'hotel.asks'])
      expect(reply(last.state, late)).toBeUndefined()
    expect(onTimer(booking, last.state, trip, 1e12)).toBeUndefined()
  })

  it.each(['visa.fine', 'hotel.booked', 'hotel.full', 'flight.cancelled', 'unrelated'])(
    'ignores %s before its step',
    (type) => {
      expect(reply(after(), type)).toBeUndefined()
    },
  )

  it('extends a timeout once, when a customer has to act', () => {
    const extended = reply(after('flight.booked', 'visa.fine'), 'hotel.asks', 5_000)!
    expect(nextTimeoutMs(extended.state)).toBe(105_000)
    expect(reply(extended.state, 'hotel.asks', 50_000)).toBeUndefined()
    expect(onTimer(booking, extended.state, trip, 104_999)).toBeUndefined()
    expect(onTimer(booking, extended.state, trip, 105_000)!.outcome).toEqual({
      type: 'rejected',
      reason: 'hotel-did-not-answer',
      expired: true,
    })
    expect(reply(extended.state, 'hotel.booked')!.outcome).toEqual({ type: 'committed' })
  })
})

describe('a step that a saga does not need', () => {
  const isHome = ({ tripId }: Trip): boolean => tripId === 'home'
  const steps = [bookFlight, { ...checkVisa, skipIf: isHome }, bookHotel] as const
  const saga = defineSaga({ ...base, steps })
  const home = { tripId: 'home' }
  const booked = (context: Trip): Transition =>
    onReply(saga, begin(saga, context, 0).state, { type: 'flight.booked', data: context }, context, 0)!

  it('is skipped and named, and other sagas perform it', () => {
    expect(sent(booked(home))).toEqual(['BookHotel'])
    expect(booked(home).skipped).toEqual(['check-visa'])
    expect(sent(booked(trip))).toEqual(['CheckVisa'])
    expect(booked(trip).skipped).toBeUndefined()
  })

  it('commits the saga if it is the last one, and is not compensated', () => {
    const last = defineSaga({ ...base, steps: [bookFlight, { ...bookHotel, skipIf: isHome }] })
    const transition = onReply(last, begin(last, home, 0).state, { type: 'flight.booked', data: home }, home, 0)!
    expect(transition).toMatchObject({ outcome: { type: 'committed' }, skipped: ['book-hotel'], commands: [] })
    expect(sent(abort(last, transition.state, home, 0))).toEqual(['CancelFlight'])
  })

  it('is not the first: the saga is at its first step while it waits for the next one', () => {
    const first = defineSaga({ ...base, steps: [{ ...bookFlight, skipIf: isHome }, bookHotel] })
    const { state, skipped } = begin(first, home, 0)
    expect(skipped).toEqual(['book-flight'])
    expect(isAtFirstStep(first, state, home)).toBe(true)
    const second = onReply(first, begin(first, trip, 0).state, { type: 'flight.booked', data: trip }, trip, 0)!
    expect(isAtFirstStep(first, second.state, trip)).toBe(false)
  })
})

describe('a saga that compensates', () => {
  it('compensates from the last step to the first, but not the step that failed', () => {
    const failed = reply(after('flight.booked', 'visa.fine'), 'hotel.full')!
    expect(sent(failed)).toEqual(['CancelFlight'])
    expect(failed.outcome).toEqual({ type: 'rejected', reason: 'hotel.full', expired: false })
  })

  it('compensates also the step that did not answer, since it may have been performed', () => {
    const state = after('flight.booked', 'visa.fine')
    expect(onTimer(booking, state, trip, 29_999)).toBeUndefined()
    const late = onTimer(booking, state, trip, 30_000)!
    expect(sent(late)).toEqual(['CancelHotel', 'CancelFlight'])
    expect(late.outcome).toEqual({ type: 'rejected', reason: 'book-hotel-timed-out', expired: false })
  })

  it('compensates the steps before a step without a compensation', () => {
    expect(sent(reply(after('flight.booked'), 'visa.missing'))).toEqual(['CancelFlight'])
  })

  it('has nothing to compensate when the first step fails', () => {
    const failed = reply(after(), 'flight.full')!
    expect(sent(failed)).toEqual([])
    expect(nextTimeoutMs(failed.state)).toBeUndefined()
  })

  it('ends when every compensation is answered, in any order', () => {
    const compensating = onTimer(booking, after('flight.booked', 'visa.fine'), trip, 30_000)!.state
    for (const answers of [
      ['flight.cancelled', 'hotel.cancelled'],
      ['hotel.cancelled', 'flight.cancelled'],
    ]) {
      let state = compensating
      for (const answer of answers) {
        expect(nextTimeoutMs(state)).toBe(90_000)
        state = reply(state, answer)!.state
      }
      expect(nextTimeoutMs(state)).toBeUndefined()
      expect(reply(state, answers[0]!)).toBeUndefined()
    }
  })

  it('resends only the unanswered compensation, and reports it stuck from the fifth attempt on', () => {
    let state = reply(
      onTimer(booking, after('flight.booked', 'visa.fine'), trip, 30_000)!.state,
      'flight.cancelled',
    )!.state
    const waits = [60_000, 60_000, 60_000, 60_000, 120_000, 240_000]
    let nowMs = 30_000
    for (const [index, wait] of waits.entries()) {
      const attempt = index + 2
      nowMs += wait
      expect(onTimer(booking, state, trip, nowMs - 1)).toBeUndefined()
      const retried = onTimer(booking, state, trip, nowMs)!
      expect(sent(retried)).toEqual(['CancelHotel'])
      const report = {
        type: 'saga.stuck',
        data: {
          sagaId: 't-1',
          step: 'compensate book-hotel',
          attempt,
          reason: 'the compensation is not answered',
        },
      }
      expect(retried.events).toEqual(attempt >= 5 ? [report] : [])
      state = retried.state
    }
  })

  it('resends an unanswered compensation for a week, and then only for an operator; the answer still counts', () => {
    let state = onTimer(booking, after(), trip, 10_000)!.state
    let nowMs = 10_000
    let last = onTimer(booking, state, trip, nowMs + 60_000)!
    for (let at = nextTimeoutMs(state); at !== undefined; at = nextTimeoutMs(state)) {
      nowMs = at
      last = onTimer(booking, state, trip, nowMs)!
      state = last.state
    }
    expect(last.events).toMatchObject([
      { type: 'saga.stuck', data: { attempt: 20, reason: expect.stringContaining('retry it') } },
    ])
    expect(Math.round(nowMs / 86_400_000)).toBe(6)
    expect(onTimer(booking, state, trip, nowMs + 365 * 86_400_000)).toBeUndefined()
    expect(waitsOf(state)).toEqual([{ step: 'compensate book-flight', attempt: 20, until: null }])
    const retried = retry(booking, state, trip, nowMs)!
    expect(sent(retried)).toEqual(['CancelFlight'])
    expect(nextTimeoutMs(retried.state)).toBeUndefined()
    for (const open of [state, retried.state]) expect(waitsOf(reply(open, 'flight.cancelled')!.state)).toEqual([])
  })

  it('compensates a late success again, before and after the first compensation is answered', () => {
    const compensating = onTimer(booking, after(), trip, 10_000)!.state
    for (const state of [compensating, reply(compensating, 'flight.cancelled')!.state]) {
      const late = reply(state, 'flight.booked', 15_000)!
      expect(sent(late)).toEqual(['CancelFlight'])
      expect(late.outcome).toBeUndefined()
      expect(nextTimeoutMs(late.state)).toBe(75_000)
    }
  })

  it('never goes forward again', () => {
    const compensating = onTimer(booking, after('flight.booked', 'visa.fine'), trip, 30_000)!.state
    for (const type of ['hotel.full', 'visa.fine', 'visa.missing', 'hotel.asks', 'flight.full'])
      expect(reply(compensating, type)).toBeUndefined()
  })
})

describe('a saga that its owner aborts', () => {
  const restart = (state: SagaState): SagaState => JSON.parse(JSON.stringify(state)) as SagaState

  it('compensates the pending step as well, since it may have been performed', () => {
    const aborted = abort(booking, after('flight.booked', 'visa.fine'), trip, 1_000)!
    expect(sent(aborted)).toEqual(['CancelHotel', 'CancelFlight'])
    expect(aborted.outcome).toBeUndefined()
    expect(aborted.state.phase).toBe('compensating')
    expect(nextTimeoutMs(aborted.state)).toBe(61_000)
  })

  it('compensates the success that its pending step reports later', () => {
    const aborted = abort(booking, after(), trip, 1_000)!.state
    const answered = reply(aborted, 'flight.cancelled')!.state
    expect(sent(reply(answered, 'flight.booked', 2_000))).toEqual(['CancelFlight'])
  })

  it('compensates every step after the pivot, and retries them until they are answered', () => {
    const committed = restart(after('flight.booked', 'visa.fine', 'hotel.booked'))
    expect(committed.phase).toBe('committed')
    const aborted = abort(booking, committed, trip, 1_000)!
    expect(sent(aborted)).toEqual(['CancelHotel', 'CancelFlight'])
    const half = reply(aborted.state, 'hotel.cancelled')!.state
    expect(sent(onTimer(booking, half, trip, 61_000))).toEqual(['CancelFlight'])
    expect(nextTimeoutMs(reply(half, 'flight.cancelled')!.state)).toBeUndefined()
  })

  it('changes nothing when it is compensated already', () => {
    const compensating = onTimer(booking, after(), trip, 10_000)!.state
    expect(abort(booking, compensating, trip, 11_000)).toBeUndefined()
  })
})

describe('an operator who retries', () => {
  it('resends the pending command, and requests its recorded reply from its owner', () => {
    const state = after('flight.booked')
    const retried = retry(booking, state, trip, 5_000)!
    expect(retried).toEqual({
      state,
      events: [],
      commands: [
        { type: 'CheckVisa', data: trip },
        { type: 'RepublishEvents', target: 'travel', data: { correlationId: 't-1' } },
      ],
    })
  })

  it('resends the unanswered compensations', () => {
    const compensating = onTimer(booking, after('flight.booked', 'visa.fine'), trip, 30_000)!.state
    const open = reply(compensating, 'hotel.cancelled')!.state
    expect(sent(retry(booking, open, trip, 31_000))).toEqual(['CancelFlight'])
    expect(retry(booking, reply(open, 'flight.cancelled')!.state, trip, 32_000)).toBeUndefined()
  })
})

it('a saga is plain data: a copy by way of JSON behaves the same', () => {
  const state = onTimer(booking, after('flight.booked', 'visa.fine'), trip, 30_000)!.state
  expect(JSON.parse(JSON.stringify(state))).toEqual(state)
})

describe('a deployment while 40 sagas wait at each step', () => {
  const before = { 1: ['book-flight', 'check-visa', 'book-hotel'] } as const
  const restored = (state: SagaState): SagaState => JSON.parse(JSON.stringify(state)) as SagaState
  /** 40 sagas at each step, of which only the recorded state survives. */
  const waiting = (...types: string[]): SagaState[] => Array.from({ length: 40 }, () => restored(after(...types)))
  const waitingAt = {
    'book-flight': waiting(),
    'check-visa': waiting('flight.booked'),
    'book-hotel': waiting('flight.booked', 'visa.fine'),
  } as const
  /** The replies in this order; the commands in the order in which they were sent. */
  const play = (saga: Saga<Trip>, from: SagaState, ...types: string[]): { commands: string[]; last: Transition } => {
    const commands: string[] = []
    let last: Transition = { state: from, commands: [], events: [] }
    for (const type of types) {
      const next = reply(last.state, type, 1_000, saga)
      expect(next, `${type} while ${JSON.stringify(last.state)}`).toBeDefined()
      commands.push(...sent(next))
      last = { ...next!, state: restored(next!.state) }
    }
    return { commands, last }
  }
  const definitions = {
    'inserts a step first': { steps: [bookCar, bookFlight, checkVisa, bookHotel] },
    'inserts a step between': { steps: [bookFlight, bookCar, checkVisa, bookHotel] },
    'appends a step': { steps: [bookFlight, checkVisa, bookHotel, bookCar] },
    'removes the first step': { steps: [checkVisa, bookHotel], retired: [bookFlight] },
    'removes the middle step': { steps: [bookFlight, bookHotel], retired: [checkVisa] },
    'removes the last step': { steps: [bookFlight, checkVisa], retired: [bookHotel] },
    'reorders the steps': { steps: [bookHotel, checkVisa, bookFlight] },
    'replaces every step': { steps: [bookCar], retired: [bookFlight, checkVisa, bookHotel] },
  } as const

  describe.each(Object.entries(definitions))('that %s', (_name, change) => {
    const definition: SagaDefinition<Trip, [typeof travel]> = {
      ...base,
      contracts: [travel],
      version: 2,
      previousVersions: before,
      ...change,
    }
    const next = defineSaga(definition)
    const replies = { 'book-flight': 'flight.booked', 'check-visa': 'visa.fine', 'book-hotel': 'hotel.booked' } as const
    const commands = { 'book-flight': 'BookFlight', 'check-visa': 'CheckVisa', 'book-hotel': 'BookHotel' } as const
    const names = before[1]

    it.each(names)('lets sagas at %s reach the pivot by the steps that they began with', (at) => {
      const left = names.slice(names.indexOf(at))
      for (const state of waitingAt[at]) {
        const { commands: seen, last } = play(next, state, ...left.map((name) => replies[name]))
        expect(seen).toEqual(left.slice(1).map((name) => commands[name]))
        expect(last.outcome).toEqual({ type: 'committed' })
      }
    })

    it('compensates all performed steps when the last one fails, times out, or succeeds too late', () => {
      for (const state of waitingAt['book-hotel']) {
        expect(play(next, state, 'hotel.full').commands).toEqual(['CancelFlight'])
        const late = onTimer(next, state, trip, 1e6)!
        expect(sent(late)).toEqual(['CancelHotel', 'CancelFlight'])
        const compensated = play(next, restored(late.state), 'hotel.cancelled', 'hotel.booked', 'hotel.cancelled')
        expect(compensated.commands).toEqual(['CancelHotel'])
        const { last } = play(next, compensated.last.state, 'flight.cancelled')
        expect(nextTimeoutMs(last.state)).toBeUndefined()
      }
    })

    it('retries and times out each step by its name', () => {
      for (const at of names) {
        for (const state of waitingAt[at]) {
          expect(sent(retry(next, state, trip, 0))).toEqual([commands[at], 'RepublishEvents'])
          expect(onTimer(next, state, trip, 1e6)!.outcome).toMatchObject({ reason: `${at}-timed-out` })
        }
      }
    })

    it('begins new sagas with the new steps', () => {
      expect(begin(next, trip, 0).state).toMatchObject({ version: 2, step: change.steps[0].name })
    })
  })

  it('leaves a saga of a newer revision to that revision', () => {
    const newer = defineSaga({
      ...base,
      version: 2,
      previousVersions: before,
      steps: [bookCar],
      retired: [bookFlight, checkVisa, bookHotel],
    })
    const { state } = begin(newer, trip, 0)
    expect(() => reply(state, 'car.booked')).toThrow(Unavailable)
    expect(() => reply(state, 'car.booked')).toThrow('version 2 of the saga booking')
  })

  it('reports a saga whose version was dropped, with the remedy', () => {
    const forgetful = defineSaga({ ...base, version: 2, steps: [bookCar] })
    expect(() => reply(after(), 'flight.booked', 0, forgetful)).toThrow(
      'There is no version 1 of the saga booking any more: put its steps back into previousVersions and retired.',
    )
  })

  it('can be checked against the frozen definition of each version', () => {
    const next = defineSaga({ ...base, version: 2, previousVersions: before, ...definitions['removes the last step'] })
    const frozen = frozenVersions(next)
    expect(Object.keys(frozen)).toEqual(['booking@1', 'booking@2'])
    expect(frozen['booking@1']).toEqual(frozenVersions(booking)['booking@1'])
    expect(frozenVersions(defineSaga({ ...base, steps: [{ ...bookFlight, done: 'car.booked' }] }))).not.toEqual(
      frozenVersions(defineSaga({ ...base, steps: [bookFlight] })),
    )
  })
})

describe('a definition is refused when it is declared', () => {
  const refused = (change: Partial<SagaDefinition<Trip, [typeof travel]>>) => () =>
    defineSaga({ ...base, contracts: [travel], steps: [bookFlight], ...change })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 30 * 86_400])(
    'with a step whose timeout is %s s',
    (timeoutSeconds) => {
      expect(refused({ steps: [{ ...bookFlight, timeoutSeconds }] })).toThrow(
        `The saga booking can't be declared: step "book-flight" has no timeout: timeoutSeconds is ${timeoutSeconds}`,
      )
      const pendingOn = { ...bookHotel.pendingOn, timeoutSeconds }
      expect(refused({ steps: [{ ...bookHotel, pendingOn }] })).toThrow('step "book-hotel" has no timeout once it is')
    },
  )

  it('with an answer that is an event of another service than that of the command', () => {
    const other = defineContracts({ service: 'weather', events: { 'sky.clear': event }, commands: {} })
    const steps = [{ ...bookFlight, done: 'sky.clear' }] as const
    expect(() => defineSaga({ ...base, contracts: [travel, other], steps })).toThrow(
      'step "book-flight" expects sky.clear as the answer to BookFlight, but travel, which owns it, has no such event.',
    )
  })

  it('with a compensation whose contract does not declare the command that it compensates', () => {
    const compensate = { ...bookFlight.compensate, command: 'RefundFlight' } as const
    expect(refused({ steps: [{ ...bookFlight, compensate }] })).toThrow(
      `step "book-flight" is compensated by RefundFlight, whose contract does not say compensates: 'BookFlight': it may be unsafe when BookFlight was never performed.`,
    )
  })

  it('with the compensation of another command', () => {
    const compensate = { ...bookHotel.compensate, compensated: 'flight.cancelled' } as const
    expect(refused({ steps: [{ ...bookFlight, compensate }] })).toThrow(
      'step "book-flight" is compensated by CancelHotel',
    )
  })

  it('with a compensation that is dead-lettered', () => {
    const compensate = { ...bookFlight.compensate, command: 'ForgetFlight' } as const
    expect(refused({ steps: [{ ...bookFlight, compensate }] })).toThrow(
      'step "book-flight" is compensated by ForgetFlight, which is dead-lettered after 20 attempts: declare it retryForever.',
    )
  })

  it('with a command before the pivot that can not be compensated', () => {
    const sendMail = { ...checkVisa, name: 'send-mail', command: 'SendMail', done: 'mail.sent' } as const
    expect(refused({ steps: [bookFlight, sendMail] })).toThrow(
      'step "send-mail" sends SendMail, which nothing takes back',
    )
  })

  it('with an event before the pivot that implies success', () => {
    expect(refused({ steps: [bookFlight], successEvents: ['flight.booked'] })).toThrow(
      'step "book-flight" is answered by flight.booked, which implies success',
    )
  })

  it('with ambiguous names or replies, or a version that drops a step', () => {
    expect(refused({ steps: [] })).toThrow('it has no steps')
    expect(refused({ steps: [bookFlight, { ...bookCar, name: 'book-flight' }] })).toThrow(
      'two steps are named "book-flight"',
    )
    expect(refused({ steps: [bookFlight, { ...checkVisa, done: 'flight.booked' }] })).toThrow(
      'flight.booked answers two of the steps book-flight, check-visa',
    )
    expect(refused({ version: 0 })).toThrow('its version is 0')
    expect(refused({ previousVersions: { 1: ['book-flight'] } })).toThrow('previousVersions holds 1')
    expect(refused({ version: 2, previousVersions: { 1: ['book-car'] } })).toThrow(
      'version 1 had the step "book-car", which is gone: keep it in retired.',
    )
    expect(refused({ retired: [bookCar] })).toThrow('step "book-car" is retired, and no version')
  })
})

it('misspelt commands and events, and data that breaks a contract, do not compile', () => {
  const definitions = [
    // @ts-expect-error there is no command BookFlightt
    () => defineSaga({ ...base, steps: [{ ...bookFlight, command: 'BookFlightt' }] }),
    // @ts-expect-error there is no event flight.bookd
    () => defineSaga({ ...base, steps: [{ ...bookFlight, done: 'flight.bookd' }] }),
    // @ts-expect-error the command takes a tripId
    () => defineSaga({ ...base, steps: [{ ...bookFlight, data: () => ({ trip: 't-1' }) }] }),
    // @ts-expect-error the event has no code
    () => defineSaga({ ...base, steps: [{ ...bookFlight, reasonOf: (full: { code: string }) => full.code }] }),
  ]
  expect(definitions).toHaveLength(4)
})

it('replies have the types of the steps, retired ones included, and the data of their contracts', () => {
  const next = defineSaga({
    ...base,
    version: 2,
    previousVersions: { 1: ['book-hotel'] },
    steps: [bookFlight],
    retired: [bookHotel],
  })
  expect(next.replies).toEqual([
    'flight.booked',
    'flight.full',
    'flight.cancelled',
    'hotel.booked',
    'hotel.full',
    'hotel.asks',
    'hotel.cancelled',
  ])
  expectTypeOf<ReplyOf<typeof next>['type']>().toEqualTypeOf<
    | 'flight.booked'
    | 'flight.full'
    | 'flight.cancelled'
    | 'hotel.booked'
    | 'hotel.full'
    | 'hotel.asks'
    | 'hotel.cancelled'
  >()
  expectTypeOf<ReplyOf<typeof next>['data']>().toEqualTypeOf<{ tripId: string }>()
  const { state } = begin(next, trip, 0)
  // @ts-expect-error an event of the owner that answers no step
  expect(onReply(next, state, { type: 'car.booked', data: trip }, trip, 0)).toBeUndefined()
  // @ts-expect-error misspelt
  expect(onReply(next, state, { type: 'flight.bookd', data: trip }, trip, 0)).toBeUndefined()
})
