/** REST of the same methods, derived from the `google.api.http` annotations of their protos. */

import type { Method, Root, Type } from 'protobufjs'
import type { GrpcService, RequestContext } from '../service.ts'
import { lowerFirst, messageShape, type Served } from './methods.ts'
import { protoRoot } from './proto.ts'
import { camelCase, jsonOf, messageOf, parseBody, setParameter, type Json } from './rest-json.ts'
import { asStatus, invalidArgument, StatusError } from '../status.ts'

interface HttpRule {
  readonly get?: string
  readonly put?: string
  readonly post?: string
  readonly patch?: string
  readonly delete?: string
  readonly body?: string
  readonly additional_bindings?: HttpRule | readonly HttpRule[]
}

interface Route {
  readonly httpMethod: string
  /** As annotated: `/v1/{topic.name=projects/*\/topics/*}`. */
  readonly template: string
  readonly pattern: RegExp
  /** The field of each group of the pattern: `topic.name`. */
  readonly fields: readonly string[]
  readonly hasCustomVerb: boolean
  readonly body: string | undefined
  readonly service: GrpcService
  readonly method: string
  readonly request: Type
  readonly response: Type
  readonly responseStream: boolean
}

/** Answers with the response's JSON. */
export type RestMethod = (query: URLSearchParams, body: string, context: RequestContext) => Promise<unknown>

export interface Rest {
  /** Every route, with the names of its request's fields. */
  readonly routes: readonly { readonly method: string; readonly path: string; readonly fields: readonly string[] }[]
  /** The handler of this method and path; undefined if no annotation has them. */
  find(httpMethod: string, path: string): RestMethod | undefined
}

/** Parameters of Google's front end, which belong to no message. */
const systemParameters = new Set([
  'alt',
  '$alt',
  'key',
  'prettyPrint',
  'fields',
  'quotaUser',
  'userProject',
  'access_token',
  'callback',
  'oauth_token',
  '$.xgafv',
  'uploadType',
  'upload_protocol',
])
/** The IAM plugin serves the policies of resources of every API. */
const policyMethod = /Iam(Policy|Permissions)$/

export function restOf(served: readonly Served[]): Rest {
  const routes = served.flatMap(({ services, proto }) =>
    services.flatMap((service) => routesOf(protoRoot(proto), service)),
  )
  // `…/topics/*` would match `…/topics/a:publish` as well.
  const inOrder = [...routes.filter((route) => route.hasCustomVerb), ...routes.filter((route) => !route.hasCustomVerb)]
  return {
    routes: routes.map(({ httpMethod, template, request }) => ({
      method: httpMethod,
      path: template,
      fields: Object.keys(request.fields),
    })),
    find(httpMethod, path) {
      if (policyMethod.test(path)) return undefined
      for (const route of inOrder) {
        if (route.httpMethod !== httpMethod || route.service.paths?.[route.method]?.test(path) === false) continue
        const match = route.pattern.exec(path)
        if (match) return (query, body, context) => run(route, requestJson(route, match, { query, body }), context)
      }
      return undefined
    },
  }
}

function routesOf(root: Root, service: GrpcService): Route[] {
  return root.lookupService(service.name).methodsArray.flatMap((method) => {
    if (policyMethod.test(method.name)) return []
    const options = (method.parsedOptions ?? []) as readonly Record<string, HttpRule>[]
    const rule = options.find((option) => option['(google.api.http)'])?.['(google.api.http)']
    if (!rule) return []
    return [rule, ...[rule.additional_bindings ?? []].flat()].flatMap((one) => routeOf(one, method, service))
  })
}

function routeOf(rule: HttpRule, method: Method, service: GrpcService): Route[] {
  const { get, put, post, patch, delete: remove } = rule
  const [httpMethod, template] = Object.entries({ get, put, post, patch, delete: remove }).find(([, one]) => one) ?? []
  if (!httpMethod || !template) return []
  method.resolve()
  return [
    {
      httpMethod: httpMethod.toUpperCase(),
      template,
      ...compile(template),
      hasCustomVerb: /:\w+$/.test(template),
      body: rule.body === undefined ? undefined : camelCase(rule.body),
      service,
      method: lowerFirst(method.name),
      request: method.resolvedRequestType!,
      response: method.resolvedResponseType!,
      responseStream: method.responseStream === true,
    },
  ]
}

// From `/v1/{topic.name=projects/*/topics/*}:publish` to a pattern with a group per field.
function compile(template: string): { pattern: RegExp; fields: string[] } {
  const fields: string[] = []
  // `**` is any number of segments, also none.
  const glob = (text: string): string =>
    text
      .split(/(\/\*\*|\*)/)
      .map((part) =>
        part === '/**' ? '(?:/.+)?' : part === '*' ? '[^/]+' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'),
      )
      .join('')
  const source = template
    .split(/(\{[^}]+\})/)
    .map((part) => {
      if (!part.startsWith('{')) return glob(part)
      const [field, shape = '*'] = part.slice(1, -1).split('=')
      fields.push(field!)
      return `(${glob(shape)})`
    })
    .join('')
  return { pattern: new RegExp(`^${source}$`), fields }
}

/** Body, query and path in one JSON message, the path having the last word. */
function requestJson(
  route: Route,
  match: RegExpExecArray,
  { query, body }: { query: URLSearchParams; body: string },
): Json {
  // Spread, not assigned: a field named __proto__ must stay a field, so that it is refused by name.
  const json: Json = route.body === '*' ? { ...parseBody(body) } : route.body ? { [route.body]: parseBody(body) } : {}
  for (const name of new Set(query.keys())) {
    if (!systemParameters.has(name)) setParameter(json, route.request, name, query.getAll(name))
  }
  for (const [index, field] of route.fields.entries()) {
    setParameter(json, route.request, field, [decoded(match[index + 1]!)])
  }
  return json
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalidArgument(`The path holds "${text}", which is not percent-encoded UTF-8.`)
  }
}

async function run(route: Route, json: Json, context: RequestContext): Promise<unknown> {
  const request = route.request.toObject(messageOf(route.request, json), messageShape)
  const unary = route.service.unary?.[route.method]
  if (unary && !route.responseStream) return jsonOf(route.response, await unary(request, context))
  const streaming = route.service.streaming?.[route.method]
  if (streaming && route.responseStream) {
    const responses: unknown[] = []
    await streaming(single(request), (response) => void responses.push(jsonOf(route.response, response)), context)
    return responses
  }
  throw new StatusError('UNIMPLEMENTED', `${route.service.name}.${route.method} is not implemented by the local cloud.`)
}

// oxlint-disable-next-line require-yield
async function* single(request: unknown): AsyncGenerator {
  yield request
}

export interface RestAnswer {
  readonly status: number
  readonly body: unknown
}

/** An error as Google's JSON has it. */
export function errorAnswer(error: unknown): RestAnswer {
  const status = asStatus(error)
  return {
    status: status.httpStatus,
    body: {
      error: {
        code: status.httpStatus,
        message: status.message,
        status: status.code,
        ...(status.details.length > 0 ? { details: status.details } : {}),
      },
    },
  }
}
