import { describe, expect, it } from 'vitest'
import { begin, defineSaga, look, nextLookMs, reply, type Move, type SagaState } from './saga.ts'

interface Trip {
  readonly sagaId: string
}
const trip: Trip = { sagaId: 't-1' }
const booking = defineSaga<Trip>({
  name: 'booking',
  steps: [
    {
      name: 'book-flight',
      send: () => ({ type: 'BookFlight', data: {} }),
      undo: () => ({ type: 'CancelFlight', data: {} }),
      done: 'flight.booked',
      failed: 'flight.full',
      undone: 'flight.cancelled',
      withinSeconds: 10,
    },
    // A look changes nothing: there is nothing to undo.
    {
      name: 'check-visa',
      send: () => ({ type: 'CheckVisa', data: {} }),
      done: 'visa.fine',
      failed: 'visa.missing',
      withinSeconds: 20,
    },
    {
      name: 'book-hotel',
      send: () => ({ type: 'BookHotel', data: {} }),
      undo: () => ({ type: 'CancelHotel', data: {} }),
      done: 'hotel.booked',
      failed: 'hotel.full',
      undone: 'hotel.cancelled',
      waiting: { on: 'hotel.asks', withinSeconds: 100, onTimeout: 'nobody-answered' },
      withinSeconds: 30,
    },
  ],
})

const sent = (move: Move | undefined): string[] => move!.commands.map(({ type }) => type)
const hear = (state: SagaState, type: string, nowMs = 0): Move | undefined =>
  reply(booking, state, { type }, trip, nowMs)
const after = (...types: string[]): SagaState =>
  types.reduce((state, type) => hear(state, type)!.state, begin(booking, trip, 0).state)
const undosOf = ({ undos }: SagaState): string[] => undos.map(({ step }) => step)

describe('a saga that goes forward', () => {
  it('records the undo before it sends the step', () => {
    const first = begin(booking, trip, 1_000)
    expect(sent(first)).toEqual(['BookFlight'])
    expect(undosOf(first.state)).toEqual(['book-flight'])
    expect(nextLookMs(first.state)).toBe(11_000)
  })

  it('goes step by step to the pivot, after which nothing is undone or looked at', () => {
    expect(sent(hear(after(), 'flight.booked'))).toEqual(['CheckVisa'])
    expect(sent(hear(after('flight.booked'), 'visa.fine'))).toEqual(['BookHotel'])
    const last = hear(after('flight.booked', 'visa.fine'), 'hotel.booked')!
    expect(last.turn).toEqual({ to: 'pivot' })
    expect(nextLookMs(last.state)).toBeUndefined()
    for (const late of ['flight.full', 'hotel.full', 'hotel.cancelled', 'flight.booked', 'hotel.asks'])
      expect(hear(last.state, late)).toBeUndefined()
    expect(look(booking, last.state, trip, 1e12)).toBeUndefined()
  })

  it.each(['visa.fine', 'hotel.booked', 'hotel.full', 'flight.cancelled', 'unrelated'])(
    'takes no notice of %s before its step',
    (type) => {
      expect(hear(after(), type)).toBeUndefined()
    },
  )

  it('is patient once when it is asked to be', () => {
    const asked = hear(after('flight.booked', 'visa.fine'), 'hotel.asks', 5_000)!
    expect(nextLookMs(asked.state)).toBe(105_000)
    expect(hear(asked.state, 'hotel.asks', 50_000)).toBeUndefined()
    expect(look(booking, asked.state, trip, 104_999)).toBeUndefined()
    expect(look(booking, asked.state, trip, 105_000)!.turn).toEqual({
      to: 'reject',
      reason: 'nobody-answered',
      expired: true,
    })
    expect(hear(asked.state, 'hotel.booked')!.turn).toEqual({ to: 'pivot' })
  })
})

describe('a saga that goes back', () => {
  it('undoes from the last to the first, but not the step that said no itself', () => {
    const failed = hear(after('flight.booked', 'visa.fine'), 'hotel.full')!
    expect(sent(failed)).toEqual(['CancelFlight'])
    expect(failed.turn).toEqual({ to: 'reject', reason: 'hotel.full', expired: false })
  })

  it('undoes also the step that did not answer: it may have been done', () => {
    const state = after('flight.booked', 'visa.fine')
    expect(look(booking, state, trip, 29_999)).toBeUndefined()
    const late = look(booking, state, trip, 30_000)!
    expect(sent(late)).toEqual(['CancelHotel', 'CancelFlight'])
    expect(late.turn).toEqual({ to: 'reject', reason: 'book-hotel-timed-out', expired: false })
  })

  it('undoes what comes before a step that has no undo', () => {
    expect(sent(hear(after('flight.booked'), 'visa.missing'))).toEqual(['CancelFlight'])
  })

  it('has nothing to undo when the first step says no', () => {
    const failed = hear(after(), 'flight.full')!
    expect(sent(failed)).toEqual([])
    expect(nextLookMs(failed.state)).toBeUndefined()
  })

  it('ends when every undo is answered, in any order', () => {
    const undoing = look(booking, after('flight.booked', 'visa.fine'), trip, 30_000)!.state
    for (const answers of [
      ['flight.cancelled', 'hotel.cancelled'],
      ['hotel.cancelled', 'flight.cancelled'],
    ]) {
      let state = undoing
      for (const answer of answers) {
        expect(nextLookMs(state)).toBe(90_000)
        state = hear(state, answer)!.state
      }
      expect(nextLookMs(state)).toBeUndefined()
      expect(hear(state, answers[0]!)).toBeUndefined()
    }
  })

  it('sends again only the undo that is not answered, and says from the fifth on that it is stuck', () => {
    let state = hear(look(booking, after('flight.booked', 'visa.fine'), trip, 30_000)!.state, 'flight.cancelled')!.state
    const waits = [60_000, 60_000, 60_000, 60_000, 120_000, 240_000]
    let nowMs = 30_000
    for (const [index, wait] of waits.entries()) {
      const attempt = index + 2
      nowMs += wait
      expect(look(booking, state, trip, nowMs - 1)).toBeUndefined()
      const again = look(booking, state, trip, nowMs)!
      expect(sent(again)).toEqual(['CancelHotel'])
      expect(again.events.map(({ type }) => type)).toEqual(attempt >= 5 ? ['saga.stuck'] : [])
      state = again.state
    }
  })

  it('undoes a late success again, answered before or not', () => {
    const undoing = look(booking, after(), trip, 10_000)!.state
    for (const state of [undoing, hear(undoing, 'flight.cancelled')!.state]) {
      const again = hear(state, 'flight.booked', 15_000)!
      expect(sent(again)).toEqual(['CancelFlight'])
      expect(again.turn).toBeUndefined()
      expect(nextLookMs(again.state)).toBe(75_000)
    }
  })

  it('never goes forward again', () => {
    const undoing = look(booking, after('flight.booked', 'visa.fine'), trip, 30_000)!.state
    for (const type of ['hotel.full', 'visa.fine', 'visa.missing', 'hotel.asks', 'flight.full'])
      expect(hear(undoing, type)).toBeUndefined()
  })
})

it('a saga is plain data: what comes out of JSON goes on as before', () => {
  const state = look(booking, after('flight.booked', 'visa.fine'), trip, 30_000)!.state
  expect(JSON.parse(JSON.stringify(state))).toEqual(state)
})
