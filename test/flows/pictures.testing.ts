/**
 * Draws the pictures of docs/orders.md: of a saga from its definition, and of any other flow from the types of its messages, in
 * their order. Who sends and who handles each follows from the descriptions of the services.
 */

import { services } from '../../functions/index.ts'
import type { Saga, SagaStep } from '../../shared/saga/definition.ts'
import type { Service } from '../../shared/service/service.ts'

/** The parties of a picture that are no services. */
const people = ['customer', 'staff', 'importer']
const partners = ['provider', 'carrier']
/** From left to right. */
const parties = [
  'customer',
  'staff',
  'importer',
  'gateway',
  'shipping',
  'orders',
  'inventory',
  'payments',
  'history',
  ...partners,
]
const namesOf: Readonly<Record<string, string>> = { provider: 'payment provider' }
/** By the name of a service. */
const partyOf: Readonly<Record<string, string>> = { notifications: 'customer' }

/** Services in no flow: one keeps the events of every order, the other passes them on to the customers' own endpoints. */
const beside = ['history', 'webhooks']

interface Arrow {
  readonly from: string
  readonly to: string
  readonly isEvent: boolean
  readonly text: string
}

const blocks = /^(alt|else|opt|loop|end)\b/
const isCommand = (type: string): boolean => /^[A-Z]/.test(type)
const owning = (kind: 'events' | 'commands', type: string): Service => {
  const owner = services.find(({ contracts }) => type in contracts[kind])
  if (!owner) throw new Error(`No service has ${type} among its ${kind}.`)
  return owner
}

/** The request by which a person submits a command, and the role that the operation is for. */
function requestFor(type: string): { readonly text: string; readonly person: string } | undefined {
  const operations = services.flatMap(({ api }) => Object.values(api?.operations ?? {}))
  const found = operations.find((one) => 'submits' in one && one.submits === type)
  if (!found) return undefined
  const { method, path } = found
  const { access } = found.describe()
  const person = people.includes(access) ? access : 'staff'
  return { text: `${method.toUpperCase()} ${path.replaceAll(/\{orderId\}/g, 'ORDER')}`, person }
}

/** The senders of a command that are in the picture: a person by a request, or services. */
function arrowsOfCommand(type: string, by: string | undefined, remark: string, present: readonly string[]): Arrow[] {
  const owner = owning('commands', type)
  const request = owner.acceptsSubmitted.includes(type) ? requestFor(type) : undefined
  const arrow = (from: string, text: string): Arrow => ({ from, to: owner.name, isEvent: false, text: text + remark })
  if (by === 'gateway' && owner.acceptsSubmitted.includes(type)) return [arrow('gateway', type)]
  if (by === undefined && request) return [arrow(request.person, request.text)]
  const senders = services.filter(({ sends }) => sends.includes(type)).map(({ name }) => name)
  const named =
    by === undefined ? senders.filter((name) => present.includes(name)) : senders.filter((one) => one === by)
  if (named.length !== 1)
    throw new Error(`${type} is sent by ${senders.join(', ') || 'no service'}: write "${type} by SENDER".`)
  return [arrow(named[0]!, type)]
}

/** One arrow to each party that handles it; a customer is notified. */
function arrowsOfEvent(type: string, remark: string, present: readonly string[]): Arrow[] {
  const { name: from } = owning('events', type)
  const handling = services.filter(({ on }) => on.includes(type)).map(({ name }) => partyOf[name] ?? name)
  const absent = handling.filter((party) => !beside.includes(party) && !present.includes(party))
  if (absent.length > 0) throw new Error(`${type} is handled by ${absent.join(', ')}: the picture needs that party.`)
  const to = present.filter((party) => party !== from && handling.includes(party))
  if (to.length === 0) throw new Error(`${type} is handled by no party of the picture.`)
  return to.map((party) => ({ from, to: party, isEvent: true, text: type + remark }))
}

/** Several events of one line have the same owner: each party gets those that it handles. */
function merged(arrows: readonly Arrow[]): Arrow[] {
  const byEnds = Map.groupBy(arrows, ({ from, to }) => `${from} ${to}`)
  return [...byEnds.values()].map((some) => ({ ...some[0]!, text: some.map(({ text }) => text).join(' or ') }))
}

/**
 * A flow, a line for each step: `Type`, `Type by SENDER`, `type or type`, each perhaps with `: remark`; `PARTY > PARTY: text` for a
 * call of a partner; `note PARTY: text`; and the blocks of Mermaid.
 * @param present the parties, in any order
 */
export function flowPicture(present: readonly string[], steps: string): string {
  const shown = parties.filter((one) => present.includes(one))
  const lines: string[] = []
  let depth = 1
  for (const step of steps
    .trim()
    .split('\n')
    .map((line) => line.trim())) {
    if (/^(else|end)\b/.test(step)) depth -= 1
    const indent = '  '.repeat(depth)
    if (blocks.test(step)) {
      lines.push(indent + step)
      if (step !== 'end') depth += 1
      continue
    }
    const [, over, note] = /^note (\w+): (.+)$/.exec(step) ?? []
    const [, from, to, call] = /^(\w+) (?:>) (\w+): (.+)$/.exec(step) ?? []
    if (over) lines.push(`${indent}Note over ${over}: ${note}`)
    else if (from && to)
      lines.push(`${indent}${from}${isAnswer({ from, to, call: call! }) ? '-->>' : '->>'}${to}: ${call}`)
    else lines.push(...arrowsOf(step, shown).map((arrow) => indent + drawnArrow(arrow)))
  }
  return picture(shown, lines)
}

function arrowsOf(step: string, present: readonly string[]): Arrow[] {
  const [head, ...rest] = step.split(': ')
  const remark = rest.map((one) => `, ${one}`).join('')
  const [types, by] = head!.split(' by ')
  const arrows = types!
    .split(' or ')
    .flatMap((type) => (isCommand(type) ? arrowsOfCommand(type, by, '', present) : arrowsOfEvent(type, '', present)))
  return merged(arrows).map((arrow) => ({ ...arrow, text: arrow.text + remark }))
}

const isAnswer = ({ from, to, call }: { from: string; to: string; call: string }): boolean =>
  people.includes(to) || (partners.includes(from) && !call.startsWith('webhook '))

const drawnArrow = ({ from, to, isEvent, text }: Arrow): string => `${from}${isEvent ? '-->>' : '->>'}${to}: ${text}`

const picture = (present: readonly string[], lines: readonly string[]): string => {
  const declared = present.map((party) => {
    const name = namesOf[party]
    return `  ${people.includes(party) ? 'actor' : 'participant'} ${party}${name === undefined ? '' : ` as ${name}`}`
  })
  return ['```mermaid', 'sequenceDiagram', '  autonumber', ...declared, ...lines, '```'].join('\n')
}

/** The steps of a saga in their order, what each may wait for, and its compensations in reverse. */
export function sagaPicture(
  orchestrator: string,
  { steps, successEvents }: Pick<Saga<never>, 'steps' | 'successEvents'>,
): string {
  const ownerOf = ({ command }: Pick<SagaStep<never>, 'command'>): string => owning('commands', command).name
  const exchange = (one: { readonly command: string }, reply: string): string[] => [
    `${orchestrator}->>${ownerOf(one)}: ${one.command}`,
    `${ownerOf(one)}-->>${orchestrator}: ${reply}`,
  ]
  const lines = steps.flatMap((step) => {
    const { done, failed, timeoutSeconds, pendingOn, tryAgain, inquire } = step
    const owner = ownerOf(step)
    const block = (title: string, inner: readonly string[]): string[] => [
      title,
      ...inner.map((line) => `  ${line}`),
      'end',
    ]
    return [
      `Note over ${orchestrator}: ${step.name}, within ${timeoutSeconds} s${step.skipIf ? ', unless it is not needed' : ''}`,
      ...exchange(step, `${done} or ${failed}`),
      ...(pendingOn
        ? block(`opt a person has to act, within ${pendingOn.timeoutSeconds} s`, [
            `${owner}-->>${orchestrator}: ${pendingOn.event}`,
            `${owner}-->>${orchestrator}: ${done} or ${failed}`,
          ])
        : []),
      ...(tryAgain
        ? block(`loop ${failed}, ${tryAgain.maxAttempts} attempts in all`, exchange(step, `${done} or ${failed}`))
        : []),
      ...(inquire ? block('opt the time is up', exchange(inquire, `${done}, ${failed} or ${inquire.undecided}`)) : []),
    ]
  })
  const compensations = steps
    .toReversed()
    .flatMap(({ compensate }) => (compensate ? exchange(compensate, compensate.compensated) : []))
  const present = parties.filter((party) => party === orchestrator || steps.some((step) => ownerOf(step) === party))
  return picture(present, [
    ...lines.map((line) => `  ${line}`),
    '  alt all steps are done',
    `    Note over ${orchestrator}: ${successEvents[0]}`,
    '  else one has failed, or its time is up',
    ...compensations.map((line) => `    ${line}`),
    '  end',
  ])
}
