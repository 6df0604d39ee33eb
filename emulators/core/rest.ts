/** REST of the same methods, derived from the `google.api.http` annotations of their protos. */

import protobuf, { type INamespace, type Root, type Type } from 'protobufjs'
import { fromProto3JSON, toProto3JSON } from 'proto3-json-serializer'
import { asStatus, lowerFirst, messageShape, type Served } from './grpc.ts'
import type { GrpcService, RequestContext } from './plugin.ts'
import { invalidArgument, StatusError } from './status.ts'

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
  readonly verb: string
  readonly pattern: RegExp
  /** The field of each group of the pattern: `topic.name`. */
  readonly fields: readonly string[]
  readonly body: string | undefined
  readonly service: GrpcService
  readonly method: string
  readonly request: Type
  readonly response: Type
  readonly responseStream: boolean
}

export interface RestRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: string
}

export interface RestAnswer {
  readonly status: number
  readonly body: unknown
}

export interface Rest {
  /** The answer, or undefined when no annotation has this method and path. */
  answer(request: RestRequest, context: RequestContext): Promise<RestAnswer> | undefined
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

export function restOf(served: readonly Served[]): Rest {
  const routes = served.flatMap(({ services, proto }) => {
    const root = protobuf.Root.fromJSON(proto as INamespace)
    root.resolveAll()
    return services.flatMap((service) => routesOf(root, service))
  })
  return {
    answer(request, context) {
      for (const route of routes) {
        if (route.verb !== request.method) continue
        const match = route.pattern.exec(request.path)
        if (match) return run(route, match, request, context)
      }
      return undefined
    },
  }
}

function routesOf(root: Root, service: GrpcService): Route[] {
  return root.lookupService(service.name).methodsArray.flatMap((method) => {
    // Policies of every resource are the IAM plugin's.
    if (/Iam(Policy|Permissions)$/.test(method.name)) return []
    method.resolve()
    const options = (method.parsedOptions ?? []) as readonly Record<string, HttpRule>[]
    const rule = options.find((option) => option['(google.api.http)'])?.['(google.api.http)']
    if (!rule) return []
    const rules = [rule, ...[rule.additional_bindings ?? []].flat()]
    return rules.flatMap((one) => {
      const [verb, template] =
        Object.entries(one).find(([key]) => ['get', 'put', 'post', 'patch', 'delete'].includes(key)) ?? []
      if (!verb) return []
      return [
        {
          verb: verb.toUpperCase(),
          ...compile(template as string),
          body: one.body,
          service,
          method: lowerFirst(method.name),
          request: method.resolvedRequestType!,
          response: method.resolvedResponseType!,
          responseStream: method.responseStream === true,
        },
      ]
    })
  })
}

/** `/v1/{topic.name=projects/*​/topics/*}:publish` as a pattern with a group per field. */
function compile(template: string): { pattern: RegExp; fields: string[] } {
  const fields: string[] = []
  const glob = (text: string): string =>
    text
      .split(/(\*\*|\*)/)
      .map((part) => (part === '**' ? '.+' : part === '*' ? '[^/]+' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')))
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

async function run(
  route: Route,
  match: RegExpExecArray,
  request: RestRequest,
  context: RequestContext,
): Promise<RestAnswer> {
  const message = fromJson(route.request, requestJson(route, match, request))
  const shaped = route.request.toObject(message, messageShape)
  const unary = route.service.unary?.[route.method]
  if (unary && !route.responseStream) return { status: 200, body: toJson(route.response, await unary(shaped, context)) }
  const streaming = route.service.streaming?.[route.method]
  if (streaming && route.responseStream) {
    const responses: unknown[] = []
    await streaming(single(shaped), (response) => void responses.push(toJson(route.response, response)), context)
    return { status: 200, body: responses }
  }
  throw new StatusError('UNIMPLEMENTED', `${route.service.name}.${route.method} is not implemented by the local cloud.`)
}

// oxlint-disable-next-line require-yield
async function* single(request: unknown): AsyncGenerator<unknown> {
  yield request
}

/** Body, query and path in one JSON message, the path having the last word. */
function requestJson(route: Route, match: RegExpExecArray, { query, body }: RestRequest): Record<string, unknown> {
  const json: Record<string, unknown> = {}
  if (route.body) {
    const parsed = parseBody(body)
    if (route.body === '*') Object.assign(json, parsed)
    else json[camel(route.body)] = parsed
  }
  for (const name of new Set(query.keys())) {
    if (!systemParameters.has(name)) setField(json, route.request, name, query.getAll(name))
  }
  for (const [index, field] of route.fields.entries())
    setField(json, route.request, field, [decodeURIComponent(match[index + 1]!)])
  return json
}

function parseBody(body: string): Record<string, unknown> {
  if (body.trim() === '') return {}
  try {
    return JSON.parse(body) as Record<string, unknown>
  } catch (error) {
    throw invalidArgument(`Invalid JSON payload received. ${(error as Error).message}`)
  }
}

function setField(json: Record<string, unknown>, type: Type, path: string, values: readonly string[]): void {
  const [head, ...rest] = path.split('.').map(camel) as [string, ...string[]]
  const field = type.fields[head]
  if (!field) throw unknownName(path, type)
  field.resolve()
  if (rest.length > 0 && field.resolvedType instanceof protobuf.Type) {
    const child = (json[head] ??= {}) as Record<string, unknown>
    setField(child, field.resolvedType, rest.join('.'), values)
    return
  }
  const read = (text: string): unknown => {
    if (field.type === 'bool') return text === 'true'
    return ['int32', 'uint32', 'double', 'float'].includes(field.type) ? Number(text) : text
  }
  json[head] = field.repeated ? values.map(read) : read(values.at(-1)!)
}

function fromJson(type: Type, json: Record<string, unknown>): protobuf.Message {
  refuseUnknown(type, json, '')
  try {
    return fromProto3JSON(type, json as never) as protobuf.Message
  } catch (error) {
    throw invalidArgument(`Invalid JSON payload received. ${(error as Error).message}`)
  }
}

function toJson(type: Type, response: unknown): unknown {
  return toProto3JSON(type.fromObject(response as Record<string, unknown>))
}

/** Google refuses a field that a message does not have; protobufjs would drop it. */
function refuseUnknown(type: Type, json: unknown, path: string): void {
  if (type.fullName.startsWith('.google.protobuf.') || typeof json !== 'object' || json === null) return
  for (const [name, value] of Object.entries(json)) {
    const field = type.fields[name]
    if (!field) throw unknownName(path === '' ? name : `${path}.${name}`, type)
    field.resolve()
    if (!(field.resolvedType instanceof protobuf.Type)) continue
    const children = field.map
      ? Object.values((value ?? {}) as object)
      : field.repeated
        ? ((value ?? []) as unknown[])
        : [value]
    for (const child of children) refuseUnknown(field.resolvedType, child, path === '' ? name : `${path}.${name}`)
  }
}

const unknownName = (path: string, type: Type): StatusError =>
  new StatusError(
    'INVALID_ARGUMENT',
    `Invalid JSON payload received. Unknown name "${path}" at ${type.name}: Cannot find field.`,
  )

const camel = (text: string): string => text.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

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
