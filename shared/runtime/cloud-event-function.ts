/**
 * Calls a CloudEvent function by way of the functions framework, which makes the CloudEvent of a push message. The framework
 * calls a function with an empty event for any unrelated JSON, and answers 204: it gets only checked messages.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { topicName } from '../base/names.ts'
import type { CallFunction, Outcome } from './receive.ts'

interface Call {
  act(cloudEventId: string): Promise<Outcome>
  settle(outcome: Outcome): void
}

const calls = new AsyncLocalStorage<Call>()

export async function createCloudEventFunction(name: string, projectId: string): Promise<CallFunction> {
  const { cloudEvent } = await import('@google-cloud/functions-framework')
  // Its own program listens by itself, before any limit or check of ours: docs/decisions/0006.
  const { getTestServer: getServer } = await import('@google-cloud/functions-framework/testing')
  cloudEvent(name, async ({ id }: { id: string }) => {
    const { act, settle } = calls.getStore()!
    settle(await act(id))
  })
  const framework = getServer(name)
  return (type, pushRequest, act) =>
    new Promise((resolve, reject) => {
      const request = Object.assign(new IncomingMessage(new Socket()), {
        method: 'POST',
        // It takes the topic's name from the path alone.
        url: `/projects/${projectId}/topics/${topicName(type)}`,
        headers: { 'content-type': 'application/json' },
        // Where its own parser would have put it.
        body: pushRequest,
      })
      const response = new ServerResponse(request)
      // The push is answered with the outcome; an earlier answer of the framework means that it failed.
      response.end = () => {
        reject(new Error(`The functions framework answered ${type} with ${response.statusCode} by itself.`))
        return response
      }
      calls.run({ act, settle: resolve }, () => framework.emit('request', request, response))
    })
}
