/** The address of one service: admits requests, finds each a place in an instance, and forwards it. */

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type Server,
} from 'node:http'
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { gated, refusalOf } from '../../core/gate.ts'
import type { OwnService } from '../../core/own-services.ts'
import type { CloudContext } from '../../core/plugin.ts'
import { StatusError } from '../../core/status.ts'
import { type Exchange, socketExchange } from './exchange.ts'
import { admit, type Iam } from './ingress.ts'
import { acceptHttp2, forwardGrpc, hasStream, type Http2Exchange, isGrpc } from './grpc.ts'
import { createInstances, type ListedInstance, type Scale } from './instances.ts'
import { watchLiveness } from './liveness.ts'
import { headersAtPort, type LocalExchange, localExchange } from './local-exchange.ts'
import { createMeter } from './meter.ts'
import type { Instance } from '../process/process.ts'
import { limits } from '../values/limits.ts'
import { hasRequestBilling, type ServiceResource, timeoutOf } from '../values/service.ts'

const DEFAULT_CONCURRENCY = 80
const DEFAULT_MAXIMUM = 100
/** The time limit for a caller that does not read its answer. */
const DRAIN_TIMEOUT_MS = 1_000

export interface DataPlaneOptions {
  readonly context: CloudContext
  readonly service: string
  readonly port: number
  resource(): ServiceResource
  /** @param signal Aborted when the data plane closes: the process that is starting is killed, and the start fails. */
  start(signal: AbortSignal): Promise<Instance>
  /** The time without need of it after which an instance stops. */
  readonly idleMs: number
  /** At most so many instances, whatever the resource allows; its minimum runs in any case. */
  readonly maxInstances: number
  /** Whether an instance of a service with `cpuIdle` stands still between requests. */
  readonly withdrawsCpu: boolean
  /** Whether an instance that does not answer its liveness probe is ended: not one that stands at a breakpoint. */
  readonly endsSilent: boolean
  /** A fault at an answer signals the instance that gave it; resolves with its pid, if it still ran. */
  signal(instance: Instance, signal: NodeJS.Signals): Promise<number | undefined>
}

/** `scaled-to-zero`: no instance runs, and the next request starts an instance; `failed`: the last start failed, for this reason. */
export type ServiceState =
  | { readonly state: 'running' | 'starting' | 'scaled-to-zero' }
  | { readonly state: 'failed'; readonly reason: string }

export interface DataPlane {
  /** The instances that are ready. */
  instances(): readonly Instance[]
  /** The instances that have a request, those that end included. */
  busy(): readonly Instance[]
  /** All instances, those that start and those that end included. */
  list(): readonly ListedInstance[]
  state(): ServiceState
  /** Requests that an instance has. */
  active(): number
  /** Requests that wait for a place in an instance, or for its start. */
  waiting(): number
  /** The instance finishes its requests and ends. */
  retire(instance: Instance): Promise<void>
  /** Stops all instances; the next request starts one of the newest revision. */
  recycle(): Promise<void>
  /** Starts the minimum of instances, one at least. @throws Error with the last lines of a process that did not start */
  warm(): Promise<void>
  close(): Promise<void>
}

export async function openDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { context, service } = options
  /** Why the last start failed; undefined once one succeeds. */
  let failure: string | undefined
  let closing = false
  const closed = new AbortController()
  const meter = createMeter(context, service, options.resource)
  const instances = createInstances({
    clock: context.clock,
    scale: () => scaleOf(options.resource(), options.maxInstances),
    meter: () => meter.instance(),
    idleMs: options.idleMs,
    setCpu(instance, given) {
      // Containers share the CPU of their instance: one with `cpuIdle: false` keeps it.
      if (options.withdrawsCpu && hasRequestBilling(options.resource())) instance.setCpu(given)
    },
    async start() {
      const started = await options.start(closed.signal).catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error)
        // Each request tries again: the same reason is printed once.
        if (!closing && withoutNumbers(reason) !== withoutNumbers(failure ?? '')) console.error(reason)
        failure = reason
        throw error
      })
      failure = undefined
      context.count('run.coldStarts')
      return started
    },
  })
  const liveness = watchLiveness({
    clock: context.clock,
    resource: options.resource,
    busy: () => (options.endsSilent ? instances.busy() : []),
    end(instance) {
      console.error(`${service}: an instance (pid ${instance.pid}) failed its liveness probe, and is ended.`)
      void options.signal(instance, 'SIGKILL')
      void instances.retire(instance)
    },
  })
  /** After a broken connection: an instance that accepts no new one is ending, even if its end has not been reported yet. */
  const checkLiveness = async (target: Instance): Promise<void> => {
    if (!(await target.listens())) void instances.retire(target)
  }

  const handle = async (exchange: Exchange): Promise<void> => {
    const resource = options.resource()
    const deadlineMs = context.clock.now() + timeoutOf(resource.template)
    const admission = await admit(context.peer<Iam>('iam'), resource, exchange.headers, context.project.id)
    let pid: number | undefined
    exchange.onClose(() => {
      const { status } = exchange
      if (status >= 500) context.count('run.5xx')
      context.logRequest({
        timeMs: context.clock.now(),
        kind: 'ingress',
        resource: service,
        target: exchange.url,
        status,
        ...(admission.email ? { email: admission.email } : {}),
        ...(pid === undefined ? {} : { pid }),
      })
    })
    if (!admission.admitted) return exchange.refuse(admission.status, admission.reason, admission.challenge)
    if (Number(exchange.headers['content-length'] ?? 0) > limits.requestBytes)
      return exchange.refuse(413, `The request exceeds ${limits.requestBytes} bytes.`)
    let isCounted = false
    // A second attempt only if the first instance read nothing of the request.
    for (let attempt = 0; attempt < 2; attempt++) {
      const place = await instances.take(exchange)
      if (place === 'disconnected') return
      if (place === 'full') return exchange.refuse(429, 'Rate exceeded.')
      if (place === 'stopping') return exchange.refuse(503, `The service ${service} is being stopped.`)
      if (!isCounted) meter.request()
      isCounted = true
      if (place === 'failed') return exchange.refuse(503, `The service ${service} could not be started: see its log.`)
      pid = place.instance.pid
      liveness.begin()
      const forwarded = await forward(exchange, {
        target: place.instance,
        intercept: interceptionOf(options, exchange, place.instance),
        headers: forwardedHeaders(exchange, admission.headers),
        clock: context.clock,
        deadlineMs,
        checkLiveness,
      })
      if (forwarded === 'ended') return
      place.giveBack()
    }
    exchange.refuse(503, `The instance of ${service} took no connection.`)
  }

  const serve = (exchange: Exchange): void => {
    handle(exchange).catch((error: unknown) => {
      console.error(error)
      if (!exchange.hasHead) exchange.refuse(500, 'The ingress failed.')
    })
  }
  const local = new Set<LocalExchange>()
  const takeLocal: OwnService = (url, request) => {
    const headers = headersAtPort(url, request)
    if (!headers) return undefined
    const arrival = { method: request.method, authority: headers.host, target: url.pathname, header: () => undefined }
    // The port itself says why.
    if (refusalOf(arrival, options.port, 'service')) return undefined
    const taken = localExchange(url, headers, request)
    local.add(taken)
    taken.exchange.onClose(() => local.delete(taken))
    if (!taken.exchange.isClosed) serve(taken.exchange)
    return taken.answer
  }
  const listener = gated('service', (request, response) => serve(socketExchange(request, response)))
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, listener)
  const closeHttp2 = acceptHttp2(server, (exchange) => {
    const arrival = {
      method: exchange.method,
      authority: exchange.headers.host,
      target: exchange.url,
      header: (name: string) => exchange.headers[name] as string | undefined,
    }
    const refusal = refusalOf(arrival, options.port, 'service')
    if (refusal) exchange.refuse(refusal.status, refusal.message)
    else serve(exchange)
  })
  await listen(server, options.port)
  const closeAddress = context.openAddress(`http://127.0.0.1:${options.port}`, takeLocal)
  return {
    instances: instances.running,
    busy: instances.busy,
    list: instances.list,
    state() {
      if (instances.running().length > 0) return { state: 'running' }
      // A service that fails is started again at each request: between two failures it is still failing.
      if (failure !== undefined) return { state: 'failed', reason: failure }
      return { state: instances.isStarting ? 'starting' : 'scaled-to-zero' }
    },
    active: () => instances.active,
    waiting: () => instances.queued,
    retire: instances.retire,
    recycle: instances.recycle,
    warm: instances.warm,
    async close() {
      liveness.stop()
      closing = true
      closeAddress()
      const closeConnections = (): void => {
        server.closeAllConnections()
        closeHttp2()
        for (const one of local) one.breakOff(new Error('The service is being stopped.'))
      }
      const serverClosed = new Promise((resolve) => server.close(resolve))
      // A service whose dependencies have closed might not become ready before its startup probe gives up.
      closed.abort()
      instances.close()
      await instances.recycle()
      // The last answers are still on their way to their callers.
      const drainTimeout = context.clock.at(context.clock.now() + DRAIN_TIMEOUT_MS, closeConnections)
      await instances.drained()
      drainTimeout.cancel()
      closeConnections()
      await serverClosed
    },
  }
}

/** As its template has it, and its defaults: https://cloud.google.com/run/docs/configuring/max-instances */
function scaleOf({ template }: ServiceResource, most: number): Scale {
  const { minInstanceCount: minimum = 0, maxInstanceCount } = template.scaling ?? {}
  return {
    concurrency: template.maxInstanceRequestConcurrency ?? DEFAULT_CONCURRENCY,
    minimum,
    // An instance that is configured as 0 is not configured.
    maximum: Math.max(minimum, Math.min(maxInstanceCount || DEFAULT_MAXIMUM, most)),
  }
}

/** Times, process ids and ports differ from one start to the next. */
const withoutNumbers = (text: string): string => text.replaceAll(/\d+/g, '')

interface Forwarding {
  readonly target: Instance
  readonly headers: Record<string, string | string[] | undefined>
  readonly clock: Clock
  /** The time by which the whole response must have been forwarded. https://cloud.google.com/run/docs/configuring/request-timeout */
  readonly deadlineMs: number
  /** Awaited after a broken connection: retires an instance that no longer listens. */
  checkLiveness(target: Instance): Promise<void>
  /** Applies the faults before and after an answer of success is forwarded. */
  intercept(when: 'before' | 'after'): Promise<void>
}

/** An answer to Pub/Sub or Cloud Tasks is `run.acknowledge`; any other is `run.answer`. */
function interceptionOf(
  { context, resource, signal }: DataPlaneOptions,
  { headers, method, url }: Exchange,
  instance: Instance,
): Forwarding['intercept'] {
  const isDelivery = /^(CloudPubSub-Google|Google-Cloud-Tasks)\b/.test(headers['user-agent'] ?? '')
  return (when) =>
    context.faults.intercept({
      principal: resource().template.serviceAccount ?? '',
      method: isDelivery ? 'run.acknowledge' : 'run.answer',
      when,
      content: `${method} ${url}`,
      signal: (name) => signal(instance, name),
    })
}

/** Resolves as `unreached` when the instance read nothing of the request: another instance may serve it. */
function forward(
  exchange: Exchange,
  { target, headers, clock, deadlineMs, checkLiveness, intercept }: Forwarding,
): Promise<'ended' | 'unreached'> {
  if (hasStream(exchange) && isGrpc(exchange)) return grpc(exchange)
  return new Promise((resolve) => {
    const upstream = httpRequest(
      {
        host: '127.0.0.1',
        port: target.port,
        method: exchange.method,
        path: exchange.url,
        headers,
        agent: target.agent,
      },
      (answer) => void forwardAnswer(answer).catch((error: unknown) => broken(error as Error)),
    )
    const forwardAnswer = async (answer: IncomingMessage): Promise<void> => {
      const { connection: _, 'keep-alive': __, ...kept } = answer.headers
      const { statusCode = 502 } = answer
      // An answer that breaks off before it was forwarded is handled by `broken`.
      answer.once('error', () => exchange.hasHead && exchange.destroy())
      const isSuccess = statusCode < 300
      if (isSuccess) await intercept('before')
      exchange.answer(statusCode, kept, answer, () => {
        if (isSuccess) void intercept('after').catch(() => {})
      })
    }
    let isCut = false
    const deadline = clock.at(deadlineMs, () => {
      isCut = true
      if (exchange.hasHead) exchange.destroy()
      else exchange.refuse(504, 'The request has been terminated because it has reached the maximum request timeout.')
      upstream.destroy()
    })
    const broken = async (error: NodeJS.ErrnoException): Promise<void> => {
      deadline.cancel()
      if (isCut) return
      await checkLiveness(target)
      if (error.code === 'ECONNREFUSED') return resolve('unreached')
      if (!exchange.hasHead) exchange.refuse(503, `The instance ended before it answered: ${error.message}.`)
      else exchange.destroy()
      resolve('ended')
    }
    upstream.once('error', (error) => void broken(error))
    exchange.onClose(() => {
      deadline.cancel()
      exchange.detach(upstream)
      resolve('ended')
    })
    exchange.sendTo(upstream)
  })

  async function grpc(call: Http2Exchange): Promise<'ended' | 'unreached'> {
    const atDeadline = (passed: () => void): (() => void) => {
      const deadline = clock.at(deadlineMs, passed)
      return () => deadline.cancel()
    }
    const ended = await forwardGrpc(call, { target, headers, intercept, atDeadline })
    if (ended === 'ended') return ended
    await checkLiveness(target)
    if (ended === 'unreached') return ended
    if (!call.hasHead) call.refuse(503, 'The instance ended before it answered.')
    return 'ended'
  }
}

function forwardedHeaders(
  { remoteAddress }: Exchange,
  headers: IncomingHttpHeaders,
): Record<string, string | string[] | undefined> {
  const { connection: _, 'keep-alive': __, ...kept } = headers
  return {
    ...kept,
    'x-forwarded-for': [headers['x-forwarded-for'], remoteAddress].filter(Boolean).join(','),
    'x-forwarded-proto': 'http',
    traceparent: requestSpan(headers['traceparent']),
  }
}

/**
 * Cloud Run gives every request a span of its own in the caller's trace, and keeps one in ten seconds of them: the parent span
 * in the container's `traceparent` is seldom kept. https://cloud.google.com/run/docs/trace
 */
function requestSpan(traceparent: unknown): string {
  const [, traceId, flags] = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/.exec(String(traceparent)) ?? []
  return `00-${traceId ?? randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-${flags ?? '00'}`
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new StatusError('UNAVAILABLE', error.message)))
    server.listen(port, '127.0.0.1', resolve)
  })
}
