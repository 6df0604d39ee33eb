import { expect, it } from 'vitest'
import { theatre } from '../theatre.testing.ts'
import { manualEvents, refusalOf } from './by-hand.ts'

it('an event goes by hand if a service accepts it, which others that subscribe to it may not', () => {
  const events = manualEvents(theatre)
  expect([...events.keys()]).toEqual(['seat.taken'])
  expect(events.get('seat.taken')).toMatchObject({
    owner: 'seating',
    acceptedBy: ['posters'],
    rejectedBy: ['tickets'],
  })
})

it.each([
  [
    'ticket.sold',
    'The service tickets owns ticket.sold and publishes it itself: npm run sell. By hand go: seat.taken.',
  ],
  [
    'saga.stuck',
    'The runtime owns saga.stuck and publishes it itself, for what happened there. By hand go: seat.taken.',
  ],
  ['ticket.eaten', 'No service emits "ticket.eaten". By hand go: seat.taken.'],
])('%s is refused with the right way', (type, refusal) => {
  expect(refusalOf(type, theatre, { tickets: 'npm run sell' })).toBe(refusal)
})

it('the refusal of a service without a command names none', () => {
  expect(refusalOf('ticket.sold', theatre)).toContain(
    'owns ticket.sold and publishes it itself, for what happened there.',
  )
})
