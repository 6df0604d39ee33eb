/**
 * Injected faults: a rule names a caller, a method, a point (before or after the call) and an action.
 * Services know nothing of it: the port identifies the caller, and Cloud Run knows its process.
 */

import type { GrpcService, Unary } from '../service.ts'
import type { Clock } from '../clock.ts'
import { codes, type Code, invalidArgument, notFound, StatusError } from '../status.ts'

const signals = ['SIGKILL', 'SIGTERM', 'SIGSTOP', 'SIGCONT'] as const
const points = ['before', 'after'] as const

export type FaultAction =
  | {
      readonly signal: (typeof signals)[number]
      /** The account whose processes get the signal. Absent: that of the caller. */
      readonly to?: string
      /** After SIGSTOP, SIGCONT follows after this time. */
      readonly resumeAfterMs?: number
    }
  | { readonly delayMs: number }
  | { readonly error: Code; readonly message?: string }

export interface FaultRule {
  /** Account of the caller: its e-mail, or the part before the `@`. */
  readonly principal: string
  /** `google.firestore.v1.Firestore.Commit`, or a call of Cloud Run: `run.acknowledge`, `run.answer`, `run.start`. Of several, the one that is called first. */
  readonly method: string | readonly string[]
  /** `before`: the call has arrived and is not applied; `after`: it is applied, and the answer has not left. */
  readonly when: (typeof points)[number]
  /** Only a call that holds this text: a document, a message's data, a task's body, a path. */
  readonly about?: string
  readonly action: FaultAction
  /** How often it happens (default 1). */
  readonly times?: number
  /** The probability that the rule fires for a matching call: 0 < p ≤ 1 (default 1). */
  readonly probability?: number
}

export interface Fault extends FaultRule {
  readonly id: string
  readonly left: number
}

export interface FaultEvent {
  readonly faultId: string
  /** When the call reached the point; the action and its effects came later. */
  readonly timeMs: number
  readonly principal: string
  readonly method: string
  readonly when: FaultRule['when']
  /** The process that got the signal, if there was one. */
  readonly pid?: number
}

/** A point of one call: before or after it is applied. */
export interface InterceptionPoint {
  readonly principal: string
  readonly method: string
  readonly when: FaultRule['when']
  /** The text in which `about` is searched. */
  readonly content?: unknown
  /** Signals the process that makes the call, where it is known; otherwise the account's processes get the signal. */
  readonly signal?: (signal: NodeJS.Signals) => Promise<number | undefined>
}

export interface Faults {
  /** @throws INVALID_ARGUMENT that names field and value. */
  add(rule: FaultRule): Fault
  /** Removes one fault, or all. Events that have fired stay in `fired`. @throws NOT_FOUND */
  remove(id?: string): void
  list(): Fault[]
  /** The faults that have fired, oldest first. */
  fired(): readonly FaultEvent[]
  /** Resolves when the fault has fired that often; rejects when it is removed before. */
  whenFired(id: string, times?: number): Promise<FaultEvent>
  /** Performs the action of a matching rule. @throws StatusError if the rule fails the call. */
  intercept(point: InterceptionPoint): Promise<void>
  /** The same service, target unary methods are intercepted before and after. */
  withFaults(service: GrpcService): GrpcService
}

export interface FaultParts {
  readonly clock: Clock
  newId(): string
  random(): number
  /** Signals the processes of an account that have something to do, or all; resolves with the pid of one, for SIGKILL once they are gone. */
  signal(principal: string, signal: NodeJS.Signals): Promise<number | undefined>
}

/** Older events are dropped. */
const MAX_EVENTS = 10_000
const MAX_ARMED_FAULTS = 1_000
/** The part of a value that a refusal repeats. */
const SHOWN_CHARACTERS = 200
/** Calls of Cloud Run: a push or task was answered with success, another request was answered with success, an instance starts. */
const runMethods = ['run.acknowledge', 'run.answer', 'run.start'] as const

interface Armed {
  readonly rule: FaultRule
  left: number
}

export function createFaults(parts: FaultParts): Faults {
  const armed = new Map<string, Armed>()
  const methods = new Set<string>(runMethods)
  const events: FaultEvent[] = []
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const check of waiting) check()
  }

  const firstMatch = (point: InterceptionPoint): [string, Armed] | undefined => {
    for (const [id, one] of armed) {
      if (one.left > 0 && matches(one.rule, point) && parts.random() < (one.rule.probability ?? 1)) return [id, one]
    }
    return undefined
  }

  const intercept = async (point: InterceptionPoint): Promise<void> => {
    const found = firstMatch(point)
    if (!found) return
    const [faultId, one] = found
    one.left -= 1
    const { principal, method, when } = point
    const timeMs = parts.clock.now()
    const outcome = await perform(one.rule.action, point, parts)
    events.push({
      faultId,
      timeMs,
      principal,
      method,
      when,
      ...(outcome.pid === undefined ? {} : { pid: outcome.pid }),
    })
    if (events.length > MAX_EVENTS) events.splice(0, MAX_EVENTS / 10)
    wake()
    if (outcome.instead) throw outcome.instead
  }

  const withIntercepts = async (
    method: string,
    unary: Unary,
    [request, context]: Parameters<Unary>,
  ): Promise<unknown> => {
    const { principal } = context
    await intercept({ principal, method, when: 'before', content: request })
    const response = await unary(request, context)
    await intercept({ principal, method, when: 'after', content: request })
    return response
  }

  return {
    intercept,
    add(rule) {
      checkRule(rule, methods)
      if (armed.size >= MAX_ARMED_FAULTS)
        throw new StatusError(
          'RESOURCE_EXHAUSTED',
          `There are ${MAX_ARMED_FAULTS} faults: remove some with DELETE /_local/faults/ID, or all with DELETE /_local/faults.`,
        )
      const id = parts.newId()
      armed.set(id, { rule, left: rule.times ?? 1 })
      return { ...rule, id, left: rule.times ?? 1 }
    },
    remove(id) {
      if (id !== undefined && !armed.has(id)) throw notFound(`There is no fault ${id}: GET /_local/faults lists them.`)
      if (id === undefined) armed.clear()
      else armed.delete(id)
      wake()
    },
    list: () => [...armed].map(([id, { rule, left }]) => ({ ...rule, id, left })),
    fired: () => events,
    whenFired(id, times = 1) {
      return new Promise((resolve, reject) => {
        const check = (): void => {
          const own = events.filter(({ faultId }) => faultId === id)
          if (own.length < times && armed.has(id)) return
          waiting.delete(check)
          if (own.length >= times) resolve(own[times - 1]!)
          else reject(new Error(`The fault ${id} was removed before it happened ${times} times.`))
        }
        waiting.add(check)
        check()
      })
    },
    withFaults(service) {
      const unary = Object.entries(service.unary ?? {}).map(([name, handler]) => {
        const method = `${service.name}.${name.charAt(0).toUpperCase()}${name.slice(1)}`
        methods.add(method)
        const intercepted: Unary = (...call) =>
          armed.size === 0 ? handler(...call) : withIntercepts(method, handler, call)
        return [name, intercepted] as const
      })
      return { ...service, unary: Object.fromEntries(unary) }
    },
  }
}

const methodsOf = (method: FaultRule['method']): readonly string[] => (typeof method === 'string' ? [method] : method)

function matches({ principal, method, when, about }: FaultRule, point: InterceptionPoint): boolean {
  return (
    methodsOf(method).includes(point.method) &&
    when === point.when &&
    (principal === point.principal || principal === point.principal.split('@')[0]) &&
    (about === undefined || holds(point.content, about))
  )
}

/** Names, texts, and bytes that are text. */
function holds(content: unknown, text: string): boolean {
  if (typeof content === 'string') return content.includes(text)
  if (content instanceof Uint8Array) return Buffer.from(content).includes(text)
  if (typeof content !== 'object' || content === null) return false
  return Object.entries(content).some(([name, value]) => name.includes(text) || holds(value, text))
}

interface Outcome {
  readonly pid?: number | undefined
  /** The error for the caller, if its process still lives. */
  readonly instead?: StatusError
}

async function perform(
  action: FaultAction,
  { principal, method, when, signal: signalCaller }: InterceptionPoint,
  parts: FaultParts,
): Promise<Outcome> {
  if ('delayMs' in action) {
    await new Promise<void>((resolve) => void parts.clock.at(parts.clock.now() + action.delayMs, resolve))
    return {}
  }
  if ('error' in action) {
    return { instead: new StatusError(action.error, action.message ?? `A fault was injected ${when} ${method}.`) }
  }
  const { to } = action
  const send =
    to === undefined && signalCaller ? signalCaller : (signal: NodeJS.Signals) => parts.signal(to ?? principal, signal)
  const pid = await send(action.signal)
  if (action.resumeAfterMs !== undefined)
    parts.clock.at(parts.clock.now() + action.resumeAfterMs, () => void send('SIGCONT'))
  // A killed caller gets no answer, and its pending request must not be applied.
  const killed = action.signal === 'SIGKILL' && action.to === undefined
  return { pid, ...(killed ? { instead: new StatusError('UNAVAILABLE', `Killed ${when} ${method}.`) } : {}) }
}

const fields = ['principal', 'method', 'when', 'about', 'action', 'times', 'probability']

function checkRule(rule: FaultRule, methods: ReadonlySet<string>): void {
  const { principal, method, when, about, action, times = 1, probability = 1 } = rule as Partial<FaultRule>
  const unknown = Object.keys(rule).find((name) => !fields.includes(name))
  if (unknown !== undefined) throw invalidArgument(`"${unknown}" is no field of a fault: ${fields.join(', ')}.`)
  if (typeof principal !== 'string' || principal === '')
    throw invalidArgument(`principal: ${shown(principal)} must be the account of the caller, as "bookings".`)
  const given: readonly unknown[] = Array.isArray(method) ? method : [method]
  for (const one of given.length > 0 ? given : [method])
    if (typeof one !== 'string' || !methods.has(one))
      throw invalidArgument(
        `method: ${shown(one)} is no method at which a fault can be injected. There are: ${similar(one, methods)}.`,
      )
  if (!points.includes(when!)) throw invalidArgument(`when: ${shown(when)} must be "before" or "after".`)
  if (about !== undefined && (typeof about !== 'string' || about === ''))
    throw invalidArgument(`about: ${shown(about)} must be a text that the call holds.`)
  if (!Number.isSafeInteger(times) || times < 1)
    throw invalidArgument(`times: ${shown(times)} must be a whole number from 1.`)
  if (typeof probability !== 'number' || !(probability > 0 && probability <= 1))
    throw invalidArgument(`probability: ${shown(probability)} must be above 0 and at most 1.`)
  checkAction(action)
}

function checkAction(action: unknown): void {
  const given = (typeof action === 'object' && action !== null ? action : {}) as Record<string, unknown>
  const { signal, to, resumeAfterMs, delayMs, error, message } = given
  const kind = ['signal', 'delayMs', 'error'].filter((name) => name in given)
  if (kind.length !== 1)
    throw invalidArgument(`action: ${shown(action)} must have one of "signal", "delayMs" and "error".`)
  const allowed = { signal: ['signal', 'to', 'resumeAfterMs'], delayMs: ['delayMs'], error: ['error', 'message'] }
  const unknown = Object.keys(given).find((name) => !allowed[kind[0] as keyof typeof allowed].includes(name))
  if (unknown !== undefined) throw invalidArgument(`action: "${unknown}" does not go with "${kind[0]}".`)
  if ('signal' in given && !signals.includes(signal as (typeof signals)[number]))
    throw invalidArgument(`action.signal: ${shown(signal)} must be one of ${signals.join(', ')}.`)
  if ('error' in given && !(typeof error === 'string' && Object.hasOwn(codes, error)))
    throw invalidArgument(`action.error: ${shown(error)} must be one of ${Object.keys(codes).join(', ')}.`)
  if ('delayMs' in given) checkMs('delayMs', delayMs)
  if (resumeAfterMs !== undefined) {
    if (signal !== 'SIGSTOP')
      throw invalidArgument(`action.resumeAfterMs goes with SIGSTOP, not with ${shown(signal)}.`)
    checkMs('resumeAfterMs', resumeAfterMs)
  }
  for (const [name, value] of Object.entries({ to, message })) {
    if (value !== undefined && typeof value !== 'string')
      throw invalidArgument(`action.${name}: ${shown(value)} must be a text.`)
  }
}

function checkMs(name: string, value: unknown): void {
  if (typeof value !== 'number' || !(value >= 0 && value <= 3_600_000))
    throw invalidArgument(`action.${name}: ${shown(value)} must be from 0 to 3600000.`)
}

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, SHOWN_CHARACTERS) ?? 'an absent value'

/** The methods with the same last name, or all. */
function similar(method: unknown, methods: ReadonlySet<string>): string {
  const last = String(method).split(/[./]/).at(-1)!.toLowerCase()
  const alike = [...methods].filter((one) => one.toLowerCase().endsWith(`.${last}`))
  return (alike.length > 0 ? alike : [...methods].toSorted()).join(', ')
}
