/**
 * Serves a CloudEvent function by the functions framework. The framework calls a function with an empty event for any
 * unrelated JSON, and answers 204: so every request is looked at first, and only a push message reaches it.
 */

import type { CloudEvent } from '@google-cloud/functions-framework'
import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { ServiceApp } from '../service/service-app.ts'
import { readBody } from '../http/body.ts'
import type { Config } from '../base/config.ts'
import type { RunningPlatform } from './create-platform.ts'
import { httpStatus, Refused, Unavailable } from '../base/errors.ts'
import { publicPart, statusOf } from '../service/health.ts'
import { CLIENT_GONE, noteAbandoned } from '../http/http.ts'
import { commandPath, replayCommand, topicName } from '../base/names.ts'
import type { Log } from '../telemetry/log.ts'
import { type CheckCaller, createCallerCheck } from './callers.ts'
import { createReceiver, type Outcome, type Receiver } from './receive.ts'
import { noteCallerRefused } from './refusals.ts'
import { createReplay, type Replay } from './replays.ts'
import { hasTooManyHeaders, serverOptions } from './server-limits.ts'

const PUSH_BYTES = 14 * 1024 * 1024

/** The answer to the delivery that the function is called for. */
const answers = new AsyncLocalStorage<ServerResponse>()

/** What the framework makes of a push message. */
interface PubsubData {
  readonly message?: { readonly data?: string; readonly messageId?: string }
}

export async function createCloudEventServer(
  app: ServiceApp,
  platform: RunningPlatform,
  config: Config,
): Promise<Server> {
  const { cloudEvent } = await import('@google-cloud/functions-framework')
  const { getTestServer: getServer } = await import('@google-cloud/functions-framework/testing')
  const receiver = createReceiver(app, platform, config)
  const replay = createReplay(receiver, platform, config)

  cloudEvent(platform.service.name, async ({ id, data }: CloudEvent<PubsubData>) => {
    const bytes = Buffer.from(data?.message?.data ?? '', 'base64')
    const { type } = JSON.parse(bytes.toString('utf8')) as { type: string }
    const delivery = { messageId: data?.message?.messageId ?? id, cloudEventId: id }
    const outcome = await receiver.handle(receiver.read(type, bytes), delivery)
    if (outcome.status === 204) return
    // The framework answers 500 to what is thrown, unless an answer was sent.
    answer(answers.getStore()!, outcome)
    throw new Error(`${type} was not handled: its own line tells why.`)
  })
  const framework = getServer(platform.service.name)
  const checkCaller = createCallerCheck(config, platform.now)
  return createServer(serverOptions, (request, response) => {
    if (hasTooManyHeaders(request)) {
      response.setHeader('connection', 'close')
      return end(response, httpStatus['too-many-headers'])
    }
    void look(request, response, { framework, receiver, replay, platform, config, checkCaller }).catch(
      (error: unknown) => {
        platform.log('ERROR', 'request.failed', { error })
        end(response, 500)
      },
    )
  })
}

interface Parts {
  readonly framework: Server
  readonly receiver: Receiver
  readonly replay: Replay
  readonly platform: RunningPlatform
  readonly config: Config
  readonly checkCaller: CheckCaller
}

async function look(
  request: IncomingMessage,
  response: ServerResponse,
  { framework, receiver, replay, platform, config, checkCaller }: Parts,
): Promise<void> {
  const path = request.url ?? '/'
  if (request.method === 'GET' && path === '/health/live') return end(response, 200)
  if (request.method === 'GET' && path === '/health/ready') {
    const readiness = await platform.health.readiness()
    const type = { 'content-type': 'application/json' }
    response.writeHead(statusOf(readiness), type).end(JSON.stringify(publicPart(readiness)))
    return
  }
  const type = platform.service.on.find(
    (one) => path === `/projects/${config.GOOGLE_CLOUD_PROJECT}/topics/${topicName(one)}`,
  )
  const isReplay = path === commandPath(replayCommand)
  // All of a name, as Hono reads them: of two tokens the front might have looked at the other.
  const headers = { get: (name: string) => request.headersDistinct[name]?.join(', ') }
  try {
    await checkCaller(headers, [isReplay ? config.OPERATIONS_ACCOUNT : config.PUSH_ACCOUNT], 'delivery')
  } catch (error) {
    if (error instanceof Unavailable) {
      platform.log('WARNING', 'request.postponed', { path, reason: error.message, error: error.cause })
      return answer(response, { status: 503, retryAfterSeconds: error.retryAfterSeconds })
    }
    if (!(error instanceof Refused)) throw error
    noteCallerRefused(platform.security, error, type || isReplay ? path : undefined)
    return end(response, httpStatus[error.code])
  }
  if (!(type || isReplay) || request.method !== 'POST') return end(response, 404)
  await platform.telemetry.request({ method: 'POST', isDelivery: true, header: headers.get }, async () => {
    const body = await readBody(request, PUSH_BYTES).catch((error: unknown) => {
      if (error instanceof Refused) return error
      throw error
    })
    if (body instanceof Refused) return { status: refuse(response, body, { path, log: platform.log }), route: path }
    const take = (): Promise<Outcome> => handOver(request, response, body, framework)
    answer(response, await (type ? receiver.event(type, body, { take }) : replay(body, headers)))
    return { status: hasHungUp(response) ? CLIENT_GONE : response.statusCode, route: path }
  })
}

/** Returns the status that it answers with. */
function refuse(
  response: ServerResponse,
  { code, message }: Refused,
  { path, log }: { readonly path: string; readonly log: Log },
): number {
  const status = httpStatus[code]
  if (status === CLIENT_GONE) noteAbandoned(log, path, message)
  // The rest of the body is not waited for.
  response.setHeader('connection', 'close')
  end(response, status)
  return status
}

const hasHungUp = (response: ServerResponse): boolean => response.closed && !response.writableFinished

/** Settles with the framework's answer. */
function handOver(
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  framework: Server,
): Promise<Outcome> {
  return new Promise((resolve) => {
    response.once('close', () => {
      const { statusCode } = response
      resolve({ status: statusCode === 204 || statusCode === 503 ? statusCode : 500 })
    })
    // The stream is read: the framework finds the body where its own parser would have put it.
    Object.assign(request, { body: JSON.parse(body.toString('utf8')) as unknown, rawBody: body, _body: true })
    answers.run(response, () => framework.emit('request', request, response))
  })
}

/** Not again once the framework has answered. */
function answer(response: ServerResponse, { status, retryAfterSeconds }: Outcome): void {
  if (retryAfterSeconds !== undefined && !response.headersSent)
    response.setHeader('retry-after', String(retryAfterSeconds))
  end(response, status)
}

function end(response: ServerResponse, status: number): void {
  if (response.writableEnded) return
  if (!response.headersSent) response.writeHead(status)
  response.end()
}
