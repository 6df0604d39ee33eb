/**
 * Answers the operations of a public API from the system that the platform replaces or from the platform itself, as flags say
 * for each caller. The other system has the same operations at the same paths. Reads may be compared with the second system's answer.
 */

import { OpenFeature } from '@openfeature/server-sdk'
import { freshId } from '../base/ids.ts'
import { Refused, refuseIf, Unavailable } from '../base/errors.ts'
import type { OperationContext } from '../service/operation-context.ts'
import type { Operation } from '../service/operation.ts'
import type { Platform } from '../service/platform.ts'
import type { OperationHandler, OperationRequest } from '../service/public-api.ts'
import { CALLER_HEADER, CALLER_ROLES_HEADER, KNOWN_ONLY_HEADER, MOVED } from './headers.ts'
import { rulesProvider } from './rules-provider.ts'
import type { Rules } from './rules.ts'
import { READ_RULES_MAX_AGE_MS, rulesFrom, WRITE_RULES_MAX_AGE_MS } from './rules-source.ts'
import { type Answer, openShadows, type ShadowParts, type Shadows } from './shadow.ts'

const OTHER_TIMEOUT_MS = 10_000
/** Answers of the other system that are handed on. */
const handedOn = [400, 403, 404, 409, 422]

type Handler = OperationHandler<Operation>
type Given = OperationRequest<Operation>

export interface Strangler {
  answer(id: string, operation: Operation, own: Handler, given: Given): Promise<Response>
  /** The comparisons that run. */
  readonly shadows: Shadows
}

interface Parts {
  /** The address of the other system. */
  readonly url: string
  readonly platform: Pick<Platform, 'callExternal' | 'now' | 'log'>
  readonly compared: ShadowParts['compared']
}

export async function openStrangler({ url, platform, compared }: Parts): Promise<Strangler> {
  const source = rulesFrom(url, platform)
  let rules: Rules = { version: -1, killed: false, flags: {}, exempt: [], known: [], elsewhere: [], ignored: {} }
  // A domain of its own: the providers of OpenFeature are those of the process.
  const domain = freshId(platform.now())
  await OpenFeature.setProviderAndWait(
    domain,
    rulesProvider(() => rules),
  )
  const flags = OpenFeature.getClient(domain)
  const shadows = openShadows({ log: platform.log, compared })

  /** `platform` or `other`. The flag `OPERATION.shadow` says whether the second one is compared. */
  const sideOf = (id: string, { caller }: Given): Promise<string> =>
    flags.getStringValue(id, 'platform', caller ? { targetingKey: caller.sub } : {})
  const isShadowed = async (id: string, { method }: Operation, { caller }: Given): Promise<boolean> =>
    method === 'get' && flags.getBooleanValue(`${id}.shadow`, false, caller ? { targetingKey: caller.sub } : {})

  const ask = async (id: string, operation: Operation, given: Given, further = {}): Promise<Response> => {
    refuseIf(
      // A key that it knows is of a request that it has taken: nothing is done again.
      given.c.expectedVersion !== undefined && !(KNOWN_ONLY_HEADER in further),
      'unsupported-precondition',
      'Another system answers this operation now, and does not check If-Match: send the request without it.',
    )
    const { caller, key, body } = given as Given & { readonly key?: string; readonly body?: unknown }
    return platform.callExternal(`${url}${pathOf(operation, given)}`, {
      method: operation.method.toUpperCase(),
      operation: `strangler.${id}`,
      ...(body === undefined ? {} : { body }),
      headers: {
        ...(caller
          ? { [CALLER_HEADER]: encodeURIComponent(caller.sub), [CALLER_ROLES_HEADER]: caller.roles.join(' ') }
          : {}),
        ...further,
      },
      ...(key === undefined ? {} : { idempotencyKey: key }),
      timeoutMs: OTHER_TIMEOUT_MS,
      accept: handedOn,
    })
  }

  async function renewedSideOf(id: string, given: Given): Promise<string> {
    rules = await source.renewed()
    return sideOf(id, given)
  }

  async function fromOther(id: string, operation: Operation, own: Handler, given: Given): Promise<Response> {
    const response = await ask(id, operation, given)
    const body = (await response.json()) as object
    if (isMoved(response, body)) {
      if ((await renewedSideOf(id, given)) === 'platform') return own(given)
      throw new Unavailable(`${id} has moved, and the rules do not say so yet.`)
    }
    const { status } = response
    if (await isShadowed(id, operation, given)) {
      const second = async (): Promise<Answer> => answerOf(await own({ ...given, c: detached(given.c) }))
      compare(id, given, { status, body }, second)
    }
    return handed(given.c, response, body)
  }

  async function fromPlatform(id: string, operation: Operation, own: Handler, given: Given): Promise<Response> {
    if (rules.known.includes(id)) {
      const response = await ask(id, operation, given, { [KNOWN_ONLY_HEADER]: '1' })
      if (response.status !== 404) {
        const body = (await response.json()) as object
        if (!isMoved(response, body)) return handed(given.c, response, body)
        if ((await renewedSideOf(id, given)) === 'other') return fromOther(id, operation, own, given)
        throw new Unavailable(`${id} has moved back, and the rules do not say so yet.`)
      }
      await response.body?.cancel()
    }
    const ofOther = async (): Promise<Answer> => {
      const response = await ask(id, operation, given)
      return { status: response.status, body: await response.json() }
    }
    let answer: Response
    try {
      answer = await own(given)
    } catch (error) {
      if (!(error instanceof Refused && error.status === 404 && rules.elsewhere.includes(id))) throw error
      const response = await ask(id, operation, given)
      if (response.status === 404) throw error
      return handed(given.c, response, (await response.json()) as object)
    }
    if (answer.status === 404 && rules.elsewhere.includes(id)) {
      const response = await ask(id, operation, given)
      if (response.status !== 404) return handed(given.c, response, (await response.json()) as object)
      await response.body?.cancel()
    } else if (await isShadowed(id, operation, given)) compare(id, given, await answerOf(answer.clone()), ofOther)
    return answer
  }

  const compare = (operation: string, { c: { instance } }: Given, first: Answer, second: () => Promise<Answer>): void =>
    shadows.compare({ operation, instance, ignored: rules.ignored[operation] ?? [], first, second })

  return {
    shadows,
    async answer(id, operation, own, given) {
      const known = await source.current()
      ;({ rules } = known)
      const isExempt = given.caller !== undefined && rules.exempt.includes(given.caller.sub)
      if (isExempt || !Object.hasOwn(rules.flags, id)) return own(given)
      const maxAgeMs = operation.method === 'get' ? READ_RULES_MAX_AGE_MS : WRITE_RULES_MAX_AGE_MS
      if (known.ageMs >= maxAgeMs) rules = await source.renewed()
      const side = await sideOf(id, given)
      return (side === 'other' ? fromOther : fromPlatform)(id, operation, own, given)
    },
  }
}

function pathOf({ path, parameters = {} }: Operation, { params }: Given): string {
  const values = params as Readonly<Record<string, unknown>>
  const inPath = new Set<string>()
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    inPath.add(name)
    return encodeURIComponent(String(values[name]))
  })
  const search = new URLSearchParams(
    Object.keys(parameters)
      .filter((name) => !inPath.has(name) && values[name] !== undefined)
      .map((name): [string, string] => [name, String(values[name])]),
  ).toString()
  return search === '' ? filled : `${filled}?${search}`
}

const isMoved = ({ status }: Response, body: { readonly code?: string }): boolean =>
  status === 409 && body.code === MOVED

/** The other system's answer, checked as the operation declares it; a refusal as a problem of this API. */
function handed(c: OperationContext, { status, headers }: Response, body: object): Response {
  if (status >= 400) return c.problem({ ...body, instance: c.instance }, status)
  const location = headers.get('location')
  if (location !== null) c.header('location', location)
  return c.json(body, status)
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
}

/** A context from which nothing reaches the caller. */
const detached = ({ request, instance }: OperationContext): OperationContext => ({
  request,
  instance,
  waitSeconds: 0,
  expectedVersion: undefined,
  header() {},
  json: (body, status) => Response.json(body, { status }),
  empty: (status) => new Response(null, { status }),
  checked: (text, status) => new Response(text, { status }),
  events: () => Promise.reject(new Error('A stream is not compared.')),
  problem: (document, status) => Response.json(document, { status }),
})
