/** Sends commands by the official Cloud Tasks client: the task is named for the command, so a repeat of the send is one task. */

import type { CloudTasksClient, protos } from '@google-cloud/tasks'
import { addressesOf, type Config } from '../base/config.ts'
import type { Envelope } from '../contracts/envelope.ts'
import { Unavailable } from '../base/errors.ts'
import { commandPath, queueName } from '../base/names.ts'
import { makeTasksClient } from './clients.ts'

const ALREADY_EXISTS = 6
/** The time limit of a command's handler; the services' own timeout is shorter. */
const DISPATCH_DEADLINE_SECONDS = 60
/** The delivery comes again after it. */
export const SEND_TIMEOUT_MS = 10_000

export interface OutgoingTask {
  readonly target: string
  readonly envelope: Envelope
  readonly notBeforeMs?: number
  /** A timer that a request from outside arms has no name: it is sent only once. */
  readonly unnamed?: true
}

export interface TaskSender {
  send(tasks: readonly OutgoingTask[]): Promise<void>
  close(): Promise<void>
}

export function createTaskSender(config: Config): TaskSender {
  let client: Promise<CloudTasksClient> | undefined
  const send = async ({ target, envelope, notBeforeMs, unnamed }: OutgoingTask): Promise<void> => {
    const url = config.PEERS[target]
    if (!url)
      throw new Error(
        `${envelope.type} is for ${target}, whose address is not among PEERS: name the command among the sends of the description.`,
      )
    const tasks = await (client ??= makeTasksClient(addressesOf(config).tasks))
    const parent = tasks.queuePath(config.GOOGLE_CLOUD_PROJECT, config.REGION, queueName(target))
    const task: protos.google.cloud.tasks.v2.ITask = {
      ...(unnamed ? {} : { name: `${parent}/tasks/${envelope.id}` }),
      dispatchDeadline: { seconds: DISPATCH_DEADLINE_SECONDS },
      ...(notBeforeMs === undefined
        ? {}
        : { scheduleTime: { seconds: Math.floor(notBeforeMs / 1000), nanos: (notBeforeMs % 1000) * 1_000_000 } }),
      httpRequest: {
        url: `${url}${commandPath(envelope.type)}`,
        httpMethod: 'POST',
        headers: { 'content-type': 'application/json', traceparent: envelope.traceparent },
        body: Buffer.from(JSON.stringify(envelope)),
        oidcToken: { serviceAccountEmail: config.SERVICE_ACCOUNT, audience: url },
      },
    }
    try {
      await tasks.createTask({ parent, task }, { timeout: SEND_TIMEOUT_MS })
    } catch (error) {
      if ((error as { code: number }).code === ALREADY_EXISTS) return
      throw new Unavailable(`${envelope.type} could not be sent to ${target}.`, { cause: error })
    }
  }
  return {
    async send(tasks) {
      await Promise.all(tasks.map(send))
    },
    async close() {
      await (await client)?.close()
    },
  }
}
