/** Deprecated operations: their answers say since when and until when, each use is counted, and they end. */

import type { Context } from 'hono'
import { Refused } from '../base/errors.ts'
import { routeOf } from '../contracts/query.ts'
import type { Caller, Operation } from '../service/operation.ts'
import type { Platform } from '../service/platform.ts'
import type { PublicApi } from '../service/public-api.ts'
import type { AccessChecks } from './handle.ts'

export interface EdgePlatform extends Platform {
  readonly health: { readonly isStopping: boolean }
  readonly telemetry: {
    deprecatedUse(use: { readonly operation: string; readonly caller: string; readonly subject?: string }): void
    compared(comparison: { readonly operation: string; readonly outcome: string }): void
  }
}

interface Parts {
  readonly api: Pick<PublicApi, 'roles' | 'subjectOf'>
  readonly platform: Pick<EdgePlatform, 'now' | 'telemetry'>
}

type Deprecated = Pick<Operation, 'path' | 'method' | 'deprecated' | 'parameters'> & { readonly id: string }

/** Undefined: it is not deprecated. @throws Error for a sunset that is before the deprecation */
export function deprecationOf(
  { id, path, method, deprecated, parameters = {} }: Deprecated,
  { api, platform }: Parts,
): AccessChecks['deprecation'] {
  if (!deprecated) return undefined
  const { since, sunset, successor } = deprecated
  const sinceMs = timeOf(since, id)
  const sunsetMs = sunset === undefined ? Infinity : timeOf(sunset, id)
  if (sunsetMs <= sinceMs)
    throw new Error(`The operation ${id} ends at ${sunset}, before it is deprecated at ${since}.`)
  if (successor !== undefined) routeOf({ path: successor, parameters })
  return (c, caller) => {
    // https://www.rfc-editor.org/rfc/rfc9745, https://www.rfc-editor.org/rfc/rfc8594
    c.header('deprecation', `@${Math.floor(sinceMs / 1_000)}`)
    if (sunset !== undefined) c.header('sunset', new Date(sunsetMs).toUTCString())
    const link = successor === undefined ? undefined : filled(successor, c)
    if (link !== undefined) c.header('link', `<${link}>; rel="successor-version"`)
    const nowMs = platform.now()
    if (nowMs >= sinceMs) platform.telemetry.deprecatedUse({ operation: id, ...namesOf(caller, api) })
    if (nowMs >= sunsetMs)
      throw new Refused(
        'operation-ended',
        `${method.toUpperCase()} ${path} ended at ${new Date(sunsetMs).toISOString()}${successor === undefined ? '' : `: use ${successor}`}.`,
      )
  }
}

function timeOf(text: string, id: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new Error(`The operation ${id} names ${text}, which is no time in ISO 8601.`)
  return ms
}

/** Undefined for a remote procedure: its parameters are in its message, which is read later. */
function filled(path: string, c: Context): string | undefined {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
  if (names.some((name) => c.req.param(name) === undefined)) return undefined
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(c.req.param(name)!))
}

/** Privileged callers are few. */
function namesOf(caller: Caller | undefined, { roles, subjectOf }: Parts['api']) {
  if (!caller) return { caller: 'unknown' }
  const subject = subjectOf(caller)
  const isNamed = caller.roles.some((role) => roles.privileged.includes(role))
  return { caller: isNamed ? subject : roles.ordinary, subject }
}
