/** Sends a dead letter to the one listener that failed: a task to its own path, through its own queue. */

import type { CloudTasksClient } from '@google-cloud/tasks'
import { services } from '../../functions/index.ts'
import { derivedId } from '../../shared/ids.ts'
import {
  accountEmail,
  commandPath,
  operationsAccountId,
  pushPath,
  queueName,
  repeatCommand,
} from '../../shared/names.ts'
import { type Operator, operatorHeaders } from '../../shared/operator.ts'
import { UsageError } from '../command.ts'
import type { DeadLetter } from './dead-letters.ts'
import type { Shelf } from './shelf.ts'
import type { Target } from './target.ts'

const ALREADY_EXISTS = 6
/** As long as a push may take. */
const DISPATCH_DEADLINE_SECONDS = 60
/** https://cloud.google.com/tasks/docs/quotas: the largest task, with its headers. */
const TASK_BYTES = 1024 * 1024 - 10_000

export interface Destination {
  readonly path: string
  readonly body: Buffer
}

/** Where its listener takes it, and in which shape. @throws UsageError when nobody takes it there. */
export function destinationOf({ listener, type, waiting }: DeadLetter, projectId: string): Destination {
  const service = services.find(({ name }) => name === listener)
  if (!service)
    throw new UsageError(
      `${listener} is no service that could be sent it again: mend what it complains of, and publish the event again.`,
    )
  if (service.on.includes(type)) {
    const message = {
      data: waiting.data.toString('base64'),
      attributes: waiting.attributes,
      messageId: waiting.messageId,
      publishTime: new Date(waiting.sinceMs).toISOString(),
    }
    const subscription = `projects/${projectId}/subscriptions/${listener}.${type}`
    return sized({
      path: pushPath(service.runtime, projectId, type),
      body: Buffer.from(JSON.stringify({ message, subscription })),
    })
  }
  if (service.accepts.includes(type) || type === repeatCommand)
    return sized({ path: commandPath(type), body: waiting.data })
  throw new UsageError(`${listener} takes no ${type}: there is no path to send it to again.`)
}

function sized(destination: Destination): Destination {
  if (destination.body.length <= TASK_BYTES) return destination
  throw new UsageError(`It has ${destination.body.length} bytes, and a task holds ${TASK_BYTES}.`)
}

/** One after the other, each off the shelf once its task exists; returns how many stay where they are, which it tells. */
export async function replayEach(
  letters: readonly DeadLetter[],
  { replayer, shelf, operator }: { replayer: Replayer; shelf: Pick<Shelf, 'take'>; operator: Operator },
): Promise<number> {
  let stay = 0
  for (const letter of letters) {
    const { id, type, listener } = letter
    try {
      const { path } = await replayer.replay(letter, operator)
      await shelf.take(letter.waiting)
      console.log(`${id}  ${type} is on its way to ${listener}${path}`)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      stay += 1
      console.error(`${id}  ${type} stays where it is: ${error.message}`)
    }
  }
  return stay
}

export interface Replayer {
  /** Returns once the task exists, now or since an earlier try. */
  replay(letter: DeadLetter, operator: Operator): Promise<Destination>
  close(): Promise<void>
}

export async function createReplayer({ projectId, region, serviceUrls, clientOptions }: Target): Promise<Replayer> {
  const { CloudTasksClient } = await import('@google-cloud/tasks')
  const client: CloudTasksClient = new CloudTasksClient(await clientOptions())
  return {
    async replay(letter, operator) {
      const destination = destinationOf(letter, projectId)
      const url = serviceUrls[letter.listener]!
      const parent = client.queuePath(projectId, region, queueName(letter.listener))
      const task = {
        // Named for the copy: should taking it off the shelf fail, the next replay finds the task made.
        name: `${parent}/tasks/${derivedId('replay', letter.listener, letter.id)}`,
        dispatchDeadline: { seconds: DISPATCH_DEADLINE_SECONDS },
        httpRequest: {
          url: `${url}${destination.path}`,
          httpMethod: 'POST' as const,
          headers: { 'content-type': 'application/json', ...traceOf(letter), ...operatorHeaders(operator) },
          body: destination.body,
          oidcToken: { serviceAccountEmail: accountEmail(operationsAccountId, projectId), audience: url },
        },
      }
      try {
        await client.createTask({ parent, task })
      } catch (error) {
        const { code, message } = error as { code?: number; message: string }
        if (code !== ALREADY_EXISTS) throw new UsageError(`The task was refused: ${message}`)
      }
      return destination
    },
    close: () => client.close(),
  }
}

function traceOf({ waiting: { attributes } }: DeadLetter): Record<string, string> {
  const { traceparent } = attributes
  return traceparent === undefined ? {} : { traceparent }
}
