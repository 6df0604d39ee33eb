/**
 * Injected faults: a rule names a caller, a method, a moment and an action. Services know nothing
 * of it: who calls is known by the port, and whose process that is by Cloud Run.
 */

import type { GrpcService, Unary } from '../service.ts'
import type { Clock } from '../clock.ts'
import { codes, type Code, invalidArgument, notFound, StatusError } from '../status.ts'

const signals = ['SIGKILL', 'SIGTERM', 'SIGSTOP', 'SIGCONT'] as const
const moments = ['before', 'after'] as const

export type FaultAction =
  | {
      readonly signal: (typeof signals)[number]
      /** The account whose process gets the signal. Absent: the caller's process. */
      readonly to?: string
      /** After SIGSTOP, SIGCONT follows after this time. */
      readonly resumeAfterMs?: number
    }
  | { readonly delayMs: number }
  | { readonly error: Code; readonly message?: string }

export interface FaultRule {
  /** Account of the caller: its e-mail, or what stands before the `@`. */
  readonly principal: string
  /** `google.firestore.v1.Firestore.Commit`, or one of Cloud Run's moments: `run.acknowledge`, `run.answer`, `run.start`. */
  readonly method: string
  /** `before`: the call has arrived and is not applied; `after`: it is applied, and the answer has not left. */
  readonly when: (typeof moments)[number]
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
  /** When the moment was reached: what followed from it came later. */
  readonly timeMs: number
  readonly principal: string
  readonly method: string
  readonly when: FaultRule['when']
  /** The process that got the signal, if there was one. */
  readonly pid?: number
}

/** One moment of one call. */
export interface InterceptionPoint {
  readonly principal: string
  readonly method: string
  readonly when: FaultRule['when']
  /** The text in which `about` is searched. */
  readonly content?: unknown
}

export interface Faults {
  /** @throws INVALID_ARGUMENT that names field and value. */
  add(rule: FaultRule): Fault
  /** One, or all of them; what has fired stays known. @throws NOT_FOUND */
  remove(id?: string): void
  list(): Fault[]
  /** The faults that have fired, oldest first. */
  fired(): readonly FaultEvent[]
  /** Resolves when the fault has fired that often; rejects when it is removed before. */
  whenFired(id: string, times?: number): Promise<FaultEvent>
  /** Performs the action of a matching rule. @throws StatusError if the rule fails the call. */
  reached(moment: InterceptionPoint): Promise<void>
  /** The same service, each of whose unary methods has its two moments. */
  around(service: GrpcService): GrpcService
}

export interface FaultParts {
  readonly clock: Clock
  newId(): string
  random(): number
  /** Signals the process that serves an account; resolves with its pid, for SIGKILL once it is gone. */
  signal(principal: string, signal: NodeJS.Signals): Promise<number | undefined>
}

/** Older firings are forgotten. */
const MAX_FIRINGS = 10_000
const MAX_ARMED_FAULTS = 1_000
/** As much of a value as a refusal repeats. */
const SHOWN_CHARACTERS = 200
/** Moments of Cloud Run: a push or task was answered with success, any other request was, an instance starts. */
const runMoments = ['run.acknowledge', 'run.answer', 'run.start'] as const

interface Armed {
  readonly rule: FaultRule
  left: number
}

export function createFaults(parts: FaultParts): Faults {
  const armed = new Map<string, Armed>()
  const methods = new Set<string>(runMoments)
  const firings: FaultEvent[] = []
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const look of waiting) look()
  }

  const firstThatFits = (moment: InterceptionPoint): [string, Armed] | undefined => {
    for (const [id, one] of armed) {
      if (one.left > 0 && fits(one.rule, moment) && parts.random() < (one.rule.probability ?? 1)) return [id, one]
    }
    return undefined
  }

  const reached = async (moment: InterceptionPoint): Promise<void> => {
    const found = firstThatFits(moment)
    if (!found) return
    const [faultId, one] = found
    one.left -= 1
    const { principal, method, when } = moment
    const timeMs = parts.clock.now()
    const outcome = await happen(one.rule.action, moment, parts)
    firings.push({
      faultId,
      timeMs,
      principal,
      method,
      when,
      ...(outcome.pid === undefined ? {} : { pid: outcome.pid }),
    })
    if (firings.length > MAX_FIRINGS) firings.splice(0, MAX_FIRINGS / 10)
    wake()
    if (outcome.instead) throw outcome.instead
  }

  const faulted = async (method: string, unary: Unary, [request, context]: Parameters<Unary>): Promise<unknown> => {
    const { principal } = context
    await reached({ principal, method, when: 'before', content: request })
    const response = await unary(request, context)
    await reached({ principal, method, when: 'after', content: request })
    return response
  }

  return {
    reached,
    add(rule) {
      check(rule, methods)
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
    fired: () => firings,
    whenFired(id, times = 1) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const own = firings.filter(({ faultId }) => faultId === id)
          if (own.length < times && armed.has(id)) return
          waiting.delete(look)
          if (own.length >= times) resolve(own[times - 1]!)
          else reject(new Error(`The fault ${id} was removed before it happened ${times} times.`))
        }
        waiting.add(look)
        look()
      })
    },
    around(service) {
      const unary = Object.entries(service.unary ?? {}).map(([name, handler]) => {
        const method = `${service.name}.${name.charAt(0).toUpperCase()}${name.slice(1)}`
        methods.add(method)
        const hooked: Unary = (...call) => (armed.size === 0 ? handler(...call) : faulted(method, handler, call))
        return [name, hooked] as const
      })
      return { ...service, unary: Object.fromEntries(unary) }
    },
  }
}

function fits({ principal, method, when, about }: FaultRule, moment: InterceptionPoint): boolean {
  return (
    method === moment.method &&
    when === moment.when &&
    (principal === moment.principal || principal === moment.principal.split('@')[0]) &&
    (about === undefined || holds(moment.content, about))
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

async function happen(
  action: FaultAction,
  { principal, method, when }: InterceptionPoint,
  parts: FaultParts,
): Promise<Outcome> {
  if ('delayMs' in action) {
    await new Promise<void>((resolve) => void parts.clock.at(parts.clock.now() + action.delayMs, resolve))
    return {}
  }
  if ('error' in action) {
    return { instead: new StatusError(action.error, action.message ?? `A fault was asked for ${when} ${method}.`) }
  }
  const whose = action.to ?? principal
  const pid = await parts.signal(whose, action.signal)
  if (action.resumeAfterMs !== undefined)
    parts.clock.at(parts.clock.now() + action.resumeAfterMs, () => void parts.signal(whose, 'SIGCONT'))
  // A killed caller gets no answer, and its pending request must not be applied.
  const killed = action.signal === 'SIGKILL' && action.to === undefined
  return { pid, ...(killed ? { instead: new StatusError('UNAVAILABLE', `Killed ${when} ${method}.`) } : {}) }
}

const fields = ['principal', 'method', 'when', 'about', 'action', 'times', 'probability']

function check(rule: FaultRule, methods: ReadonlySet<string>): void {
  const { principal, method, when, about, action, times = 1, probability = 1 } = rule as Partial<FaultRule>
  const unknown = Object.keys(rule).find((name) => !fields.includes(name))
  if (unknown !== undefined) throw invalidArgument(`"${unknown}" is no field of a fault: ${fields.join(', ')}.`)
  if (typeof principal !== 'string' || principal === '')
    throw invalidArgument(`principal: ${said(principal)} must be the account of the caller, as "bookings".`)
  if (typeof method !== 'string' || !methods.has(method))
    throw invalidArgument(`method: ${said(method)} has no such moments. There are: ${like(method, methods)}.`)
  if (!moments.includes(when!)) throw invalidArgument(`when: ${said(when)} must be "before" or "after".`)
  if (about !== undefined && (typeof about !== 'string' || about === ''))
    throw invalidArgument(`about: ${said(about)} must be a text that the call holds.`)
  if (!Number.isSafeInteger(times) || times < 1)
    throw invalidArgument(`times: ${said(times)} must be a whole number from 1.`)
  if (typeof probability !== 'number' || !(probability > 0 && probability <= 1))
    throw invalidArgument(`probability: ${said(probability)} must be above 0 and at most 1.`)
  checkAction(action)
}

function checkAction(action: unknown): void {
  const given = (typeof action === 'object' && action !== null ? action : {}) as Record<string, unknown>
  const { signal, to, resumeAfterMs, delayMs, error, message } = given
  const kind = ['signal', 'delayMs', 'error'].filter((name) => name in given)
  if (kind.length !== 1)
    throw invalidArgument(`action: ${said(action)} must have one of "signal", "delayMs" and "error".`)
  const allowed = { signal: ['signal', 'to', 'resumeAfterMs'], delayMs: ['delayMs'], error: ['error', 'message'] }
  const stranger = Object.keys(given).find((name) => !allowed[kind[0] as keyof typeof allowed].includes(name))
  if (stranger !== undefined) throw invalidArgument(`action: "${stranger}" does not go with "${kind[0]}".`)
  if ('signal' in given && !signals.includes(signal as (typeof signals)[number]))
    throw invalidArgument(`action.signal: ${said(signal)} must be one of ${signals.join(', ')}.`)
  if ('error' in given && !(typeof error === 'string' && Object.hasOwn(codes, error)))
    throw invalidArgument(`action.error: ${said(error)} must be one of ${Object.keys(codes).join(', ')}.`)
  if ('delayMs' in given) checkMs('delayMs', delayMs)
  if (resumeAfterMs !== undefined) {
    if (signal !== 'SIGSTOP') throw invalidArgument(`action.resumeAfterMs goes with SIGSTOP, not with ${said(signal)}.`)
    checkMs('resumeAfterMs', resumeAfterMs)
  }
  for (const [name, value] of Object.entries({ to, message })) {
    if (value !== undefined && typeof value !== 'string')
      throw invalidArgument(`action.${name}: ${said(value)} must be a text.`)
  }
}

function checkMs(name: string, value: unknown): void {
  if (typeof value !== 'number' || !(value >= 0 && value <= 3_600_000))
    throw invalidArgument(`action.${name}: ${said(value)} must be from 0 to 3600000.`)
}

const said = (value: unknown): string => JSON.stringify(value)?.slice(0, SHOWN_CHARACTERS) ?? 'what was not sent'

/** The methods that end alike, or those of Cloud Run and a few more. */
function like(method: unknown, methods: ReadonlySet<string>): string {
  const last = String(method).split(/[./]/).at(-1)!.toLowerCase()
  const alike = [...methods].filter((one) => one.toLowerCase().endsWith(`.${last}`))
  return (alike.length > 0 ? alike : [...methods].toSorted()).join(', ')
}
