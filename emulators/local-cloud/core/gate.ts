/**
 * The gate of every port that the local cloud opens. A web page in the developer's browser reaches loopback as well as
 * the developer's own programs do, and a page whose name resolves to 127.0.0.1 (DNS rebinding) even reads the answers.
 * Code behind the gate need not handle browsers.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** The properties of a request that the gate checks, over either protocol. */
export interface GateRequest {
  readonly method: string
  /** `Host`, or HTTP/2's `:authority`. */
  readonly authority: string | undefined
  /** The target of the request line. */
  readonly target: string
  header(name: string): string | undefined
}

export interface Refusal {
  readonly status: 403 | 415 | 421
  readonly message: string
}

/** The requests that a port accepts. */
export type PortKind =
  /** Google's APIs, the identity platform, partners: programs alone, and pages that the port itself serves. */
  | 'api'
  /** The address of a Cloud Run service: pages too, which the service checks by CORS and tokens. */
  | 'service'

/** Names of loopback; every port is opened on 127.0.0.1. */
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
/**
 * Google's clients, gcloud, bq, Terraform and curl scripts send JSON, and uploads of files in parts; OTLP exporters may send
 * Protobuf. A browser sends none of these from another origin without a preflight (https://fetch.spec.whatwg.org/#cors-safelisted-request-header), and
 * it sends a Blob without any type.
 */
const BODY_TYPES = ['application/json', 'application/x-protobuf', 'multipart/related']

/** The refusal of a request, or undefined. `port`: the port at which it arrived. */
export function refusalOf(request: GateRequest, port: number, portKind: PortKind): Refusal | undefined {
  return (
    foreignHost(request, port) ??
    (portKind === 'api' ? (fromAnotherPage(request) ?? unacceptedBodyType(request)) : undefined)
  )
}

/** Of each port, made once: every request is compared with them. */
const authorities = new Map<number, ReadonlySet<string>>()

function authoritiesOf(port: number): ReadonlySet<string> {
  const known = authorities.get(port)
  if (known) return known
  const made = new Set(LOOPBACK.map((name) => `${name}:${port}`))
  authorities.set(port, made)
  return made
}

function foreignHost({ authority = '', target }: GateRequest, port: number): Refusal | undefined {
  const wanted = authoritiesOf(port)
  // The absolute form, as proxies get it, would overrule the header.
  if (wanted.has(authority.toLowerCase()) && (target.startsWith('/') || target === '*')) return undefined
  return {
    status: 421,
    message: `This port answers to ${[...wanted].join(', ')} alone, not to "${short(authority)}"${target.startsWith('/') ? '' : ', and is no proxy'}.`,
  }
}

/** Whether a browser sends it for a page: programs send neither header. */
export function isFromPage({ header }: Pick<GateRequest, 'header'>): boolean {
  return header('origin') !== undefined || !['same-origin', 'none', undefined].includes(header('sec-fetch-site'))
}

function fromAnotherPage(request: GateRequest): Refusal | undefined {
  const { authority, header } = request
  const origin = header('origin')
  const site = header('sec-fetch-site') ?? 'none'
  const isOwn = origin === undefined || origin === `http://${authority}`
  if (isOwn && (site === 'same-origin' || site === 'none')) {
    if (header('upgrade')?.toLowerCase() !== 'websocket') return undefined
    return { status: 403, message: 'This port has no WebSockets.' }
  }
  return {
    status: 403,
    message: `A page of another origin (${short(origin ?? site)}) may not call the local cloud: only programs may, and pages of this port.`,
  }
}

function unacceptedBodyType({ method, header }: GateRequest): Refusal | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined
  const hasBody = header('transfer-encoding') !== undefined || Number(header('content-length') ?? 0) > 0
  const type = header('content-type')?.split(';')[0]?.trim().toLowerCase() ?? ''
  // gRPC checks its own, which no page can send either.
  if (!hasBody || BODY_TYPES.includes(type) || type.startsWith('application/grpc')) return undefined
  return {
    status: 415,
    message: `The Content-Type of the body must be application/json, not "${short(type)}": with curl, -H 'content-type: application/json'.`,
  }
}

/** The listener behind the gate. */
export function gated(portKind: PortKind, listener: RequestListener): RequestListener {
  return (request, response) => {
    const refusal = refusalOf(gateRequestOf(request), request.socket.localPort ?? 0, portKind)
    if (refusal) refuse(request, response, refusal)
    else listener(request, response)
  }
}

export function gateRequestOf({ method = '', url = '', headers }: IncomingMessage): GateRequest {
  return {
    method,
    authority: headers.host,
    target: url,
    header: (name) => {
      const value = headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, { status, message }: Refusal): void {
  request.resume()
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ error: { code: status, message } }))
}

const SHOWN_CHARACTERS = 100
const short = (text: string): string => text.slice(0, SHOWN_CHARACTERS)
