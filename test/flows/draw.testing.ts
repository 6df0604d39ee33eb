/** Draws what passed in a flow as a sequence diagram of Mermaid. */

import type { Recorded, Step } from './flow.testing.ts'

/** From left to right; a party that takes no part is left out. */
const parties = [
  'customer',
  'importer',
  'staff',
  'gateway',
  'orders',
  'inventory',
  'payments',
  'payment provider',
  'bank',
  'shipping',
  'carrier',
]
const people = ['customer', 'importer', 'staff', 'bank']
/** Read models get nearly every event, and act on none. */
const isDrawn = (party: string): boolean => parties.includes(party)
/** A shorter time between two lines is not shown. */
const SHOWN_MS = 1_000

/** Orders asks again while it waits, and has its own events published again: reminders, which change nothing. */
const reminders = ['saga.stuck', 'RepublishEvents']

/** Without reminders, and with a pair of steps that is repeated at once, such as a question and its answer, only once. */
function shownOf(steps: readonly Step[]): Step[] {
  const shown: Step[] = []
  const same = (one: Step | undefined, other: Step | undefined): boolean =>
    one !== undefined && other !== undefined && textOf(one) === textOf(other)
  for (const step of steps) {
    if (step.kind !== 'status' && reminders.includes(step.what)) continue
    shown.push(step)
    const [a, b, c, d] = shown.slice(-4)
    if (d?.kind === 'request' && same(a, c) && same(b, d)) shown.splice(-2)
  }
  return shown
}
const textOf = (step: Step): string => JSON.stringify({ ...step, atMs: 0, id: '' })

export function drawn({ steps: all, orderId }: Recorded): string {
  const steps = shownOf(all)
  const named = (text: string): string => text.replaceAll(orderId, 'ORDER').replaceAll('%3A', ':')
  const lines: string[] = []
  let lastMs = steps[0]?.atMs ?? 0
  const present = parties.filter((party) => steps.some((step) => partiesOf(step).includes(party)))
  const across = `${nameOf(present[0]!)},${nameOf(present.at(-1)!)}`
  for (const step of steps) {
    if (step.kind !== 'status' && step.atMs - lastMs >= SHOWN_MS)
      lines.push(`Note over ${across}: ${duration(step.atMs - lastMs)} later`)
    if (step.kind !== 'status') lastMs = step.atMs
    if (step.kind === 'status') lines.push(`Note over ${nameOf('orders')}: the order is ${step.status}`)
    else lines.push(...linesOf(step).map(named))
  }
  const declared = present.map((party) =>
    people.includes(party)
      ? `actor ${party}`
      : `participant ${nameOf(party)}${nameOf(party) === party ? '' : ` as ${party}`}`,
  )
  return ['sequenceDiagram', '  autonumber', ...[...declared, ...lines].map((line) => `  ${line}`)].join('\n')
}

function linesOf({ kind, from, to, what, answer }: Exclude<Step, { readonly kind: 'status' }>): string[] {
  const shown = to.filter(isDrawn)
  if (kind === 'event' && shown.length === 0) return [`Note over ${nameOf(from)}: ${what}`]
  const arrow = kind === 'event' ? '-->>' : '->>'
  const label = kind === 'webhook' ? `webhook ${what}` : `${what}${answer === undefined ? '' : `, answered ${answer}`}`
  return shown.map((party) => `${nameOf(from)}${arrow}${nameOf(party)}: ${label}`)
}

const partiesOf = (step: Step): readonly string[] =>
  step.kind === 'status' ? ['orders'] : [step.from, ...step.to.filter(isDrawn)]

/** A participant's identifier has no spaces. */
const nameOf = (party: string): string => party.replaceAll(' ', '-').replace('payment-provider', 'provider')

const units: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1_000, 'second'],
]

/** In the largest unit of which there is more than one and a half, rounded. */
export function duration(ms: number): string {
  const [unitMs, name] = units.find(([unit]) => ms >= 1.5 * unit) ?? units.at(-1)!
  const count = Math.round(ms / unitMs)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
