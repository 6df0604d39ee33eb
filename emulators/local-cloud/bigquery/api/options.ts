/** Reads the options of a request: each is served, or refused by name. None is passed over in silence. */

import { shown } from '../values/limits.ts'
import type { StatusError } from '../../core/status.ts'
import { bigqueryError } from '../values/errors.ts'

/** The options of one message of BigQuery's API. The lists are names with spaces between them. */
export interface Options {
  /** The local cloud acts on them. */
  readonly honoured: string
  /** These options are returned as they were sent, and change no answer, as at Google. */
  readonly kept?: string
  /** Google's clients send them back as they received them; Google does not read them. */
  readonly outputs?: string
  /** The others: by name, the reason why the local cloud does not serve it. A value that asks for nothing is accepted. */
  readonly refused?: Readonly<Record<string, string | Refusal>>
  /** The options inside an honoured or kept one. */
  readonly inside?: Readonly<Record<string, () => Options>>
}
export interface Refusal {
  readonly reason: string
  /** Values that ask for what the local cloud does anyway. */
  readonly accepted: readonly unknown[]
}

const words = (list = ''): string[] => list.split(' ').filter((word) => word !== '')

export type Verdict = 'honoured' | 'kept' | 'output' | Refusal

/** The treatment of an option; undefined for an option that BigQuery does not have. */
export function verdictOf(options: Options, name: string): Verdict | undefined {
  if (words(options.honoured).includes(name)) return 'honoured'
  if (words(options.kept).includes(name)) return 'kept'
  if (words(options.outputs).includes(name)) return 'output'
  if (!options.refused || !Object.hasOwn(options.refused, name)) return undefined
  const refusal = options.refused[name]!
  return typeof refusal === 'string' ? { reason: refusal, accepted: [] } : refusal
}

/** @param path the place of the message: `configuration.query`. @throws INVALID_ARGUMENT for the first option that is not served. */
export function checkOptions(message: object, options: Options, path = ''): void {
  for (const [name, value] of Object.entries(message)) {
    const place = path === '' ? name : `${path}.${name}`
    const verdict = verdictOf(options, name)
    if (verdict === undefined) throw unknownName(name, path)
    if (typeof verdict === 'object') {
      if (!asksForNothing(value) && !verdict.accepted.includes(value)) throw notServed(place, value, verdict.reason)
      continue
    }
    const inside = options.inside?.[name]
    if (!inside) continue
    const messages = (Array.isArray(value) ? value : [value]) as unknown[]
    for (const [index, one] of messages.entries())
      if (typeof one === 'object' && one !== null)
        checkOptions(one, inside(), Array.isArray(value) ? `${place}[${index}]` : place)
  }
}

/** The message without what Google does not read. */
export function withoutOutputs<T extends object>(message: T, { outputs }: Options): T {
  const names = new Set(words(outputs))
  return Object.fromEntries(Object.entries(message).filter(([name]) => !names.has(name))) as T
}

/** The default of its type, or an enum's value for "not specified". */
function asksForNothing(value: unknown): boolean {
  if (typeof value === 'string') return value === '' || value === '0' || value.endsWith('_UNSPECIFIED')
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === null || value === undefined || value === false || value === 0
}

const unknownName = (name: string, path: string): StatusError =>
  bigqueryError(
    'invalid',
    `Invalid JSON payload received. Unknown name "${shown(name)}"${path === '' ? '' : ` at '${path}'`}: Cannot find field.`,
    { location: path === '' ? name : `${path}.${name}` },
  )

/** @param place of the option: `configuration.load` */
export function notServed(place: string, value: unknown, reason: string): StatusError {
  const given = typeof value === 'object' ? '' : ` ${shown(JSON.stringify(value))}`
  return bigqueryError('invalid', `The local cloud does not serve ${place}${given}: ${reason}.`, { location: place })
}

/** The same for the parameters of a URL. */
export function checkParameters(given: Readonly<Record<string, string>>, options: Options): void {
  // The options of every Google API: https://cloud.google.com/apis/docs/system-parameters
  const system = new Set(['alt', 'fields', 'prettyPrint', 'key', 'quotaUser', 'userIp', 'uploadType', '$.xgafv'])
  for (const [name, value] of Object.entries(given)) {
    if (system.has(name)) continue
    const verdict = verdictOf(options, name)
    if (verdict === undefined || (typeof verdict === 'object' && value !== '' && !verdict.accepted.includes(value)))
      throw verdict === undefined ? unknownName(name, '') : notServed(name, value, verdict.reason)
  }
}

/** Of methods without parameters of their own. */
export const noParameters: Options = { honoured: '' }

/** Middleware of one route. @throws INVALID_ARGUMENT for other parameters. */
export const takes =
  (options: Options) =>
  async (c: { req: { query(): Record<string, string> } }, next: () => Promise<void>): Promise<void> => {
    checkParameters(c.req.query(), options)
    await next()
  }
