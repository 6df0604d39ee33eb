/** The pictures that people draw in docs/architecture.md: each message goes from a service that sends it to one that handles it. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { root } from '../support/root.ts'

interface Arrow {
  readonly from: string
  readonly to: string
  readonly text: string
}

const arrowsIn = (page: string): Arrow[] =>
  [...page.matchAll(/^\s+(\w+)-+>>(\w+): (.+)$/gm)].map(([, from, to, text]) => ({ from: from!, to: to!, text: text! }))
const serviceNamed = (name: string) => services.find((one) => one.name === name)
const ownerOf = (kind: 'events' | 'commands', type: string) => services.find(({ contracts }) => type in contracts[kind])

/** A command is of two words or more, an event of a noun and what became of it. */
const commandsIn = (text: string): string[] => text.match(/\b(?:[A-Z][a-z]+){2,}\b/g) ?? []
const eventsIn = (text: string): string[] =>
  text.startsWith('webhook ') ? [] : (text.match(/\b[a-z]+\.[a-z]+(?:-[a-z]+)*\b/g) ?? [])

/** The mistakes of an arrow; empty: none. */
function mistakesIn({ from, to, text }: Arrow): string[] {
  const commands = commandsIn(text).flatMap((type) => {
    const owner = ownerOf('commands', type)
    if (!owner) return [`${type} is no command`]
    const isSent =
      from === 'gateway' ? owner.acceptsSubmitted.includes(type) : serviceNamed(from)?.sends.includes(type) === true
    return [
      ...(owner.name === to ? [] : [`${type} is a command of ${owner.name}, not of ${to}`]),
      ...(isSent ? [] : [`${from} does not send ${type}`]),
    ]
  })
  const events = eventsIn(text).flatMap((type) => {
    const owner = ownerOf('events', type)
    if (!owner) return [`${type} is no event`]
    // A customer is notified.
    const listener = serviceNamed(to === 'customer' ? 'notifications' : to)
    return [
      ...(owner.name === from ? [] : [`${type} is an event of ${owner.name}, not of ${from}`]),
      ...(listener?.on.includes(type) ? [] : [`${to} does not handle ${type}`]),
    ]
  })
  return [...commands, ...events]
}

describe.each(['docs/architecture.md'])('each arrow of %s', (page) => {
  it('is a message that its sender sends and its receiver handles', () => {
    const arrows = arrowsIn(readFileSync(join(root, page), 'utf8'))
    const named = arrows.filter(({ text }) => [...commandsIn(text), ...eventsIn(text)].length > 0)
    expect(named.length).toBeGreaterThan(10)
    expect(arrows.flatMap((arrow) => mistakesIn(arrow).map((mistake) => `${arrow.text}: ${mistake}`))).toEqual([])
  })
})

it.each<[Arrow, string]>([
  [{ from: 'orders', to: 'payments', text: 'ReserveStock' }, 'ReserveStock is a command of inventory, not of payments'],
  [{ from: 'shipping', to: 'inventory', text: 'ReserveStock' }, 'shipping does not send ReserveStock'],
  [{ from: 'orders', to: 'payments', text: 'ChargeCard, later' }, 'ChargeCard is no command'],
  [{ from: 'gateway', to: 'payments', text: 'CapturePayment' }, 'gateway does not send CapturePayment'],
  [
    { from: 'orders', to: 'shipping', text: 'payment.captured' },
    'payment.captured is an event of payments, not of orders',
  ],
  [{ from: 'payments', to: 'shipping', text: 'payment.captured' }, 'shipping does not handle payment.captured'],
  [{ from: 'payments', to: 'orders', text: 'payment.taken' }, 'payment.taken is no event'],
  [
    { from: 'payments', to: 'customer', text: 'payment.action-required' },
    'customer does not handle payment.action-required',
  ],
])('%j is found', (arrow, mistake) => {
  expect(mistakesIn(arrow)).toContain(mistake)
})
