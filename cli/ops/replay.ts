/** Has listeners take their dead letters again: a task through the listener's own queue that names them, and holds nothing of them. */

import type { CloudTasksClient } from '@google-cloud/tasks'
import { services } from '../../functions/index.ts'
import { freshId } from '../../shared/base/ids.ts'
import { accountEmail, commandPath, operationsAccountId, queueName } from '../../shared/base/names.ts'
import { type Operator, operatorHeaders } from '../../shared/base/operator.ts'
import { MAX_LETTERS, replayCommand } from '../../shared/messaging/replay.ts'
import { newSpanId, newTraceId, traceparentOf } from '../../shared/base/trace.ts'
import { UsageError } from '../command.ts'
import type { DeadLetter } from './dead-letters.ts'
import type { Target } from './target.ts'
import { complain, say, shown } from '../terminal.ts'

/** The letters of one task are taken one after the other. */
const DISPATCH_DEADLINE_SECONDS = 60

/** @throws UsageError for a letter that its listener can't take again. */
export function checkReplayable({ listener, type }: Pick<DeadLetter, 'listener' | 'type'>): void {
  const service = services.find(({ name }) => name === listener)
  if (!service)
    throw new UsageError(
      `${listener} is no service that could take it again: mend what it complains of, and publish the event again.`,
    )
  if (!service.on.includes(type) && !service.accepts.includes(type))
    throw new UsageError(`${listener} takes no ${type}: there is nobody to take it again.`)
}

/** Returns how many stay where they are, which it tells. */
export async function replayEach(
  letters: readonly DeadLetter[],
  { replayer, operator }: { replayer: Replayer; operator: Operator },
): Promise<number> {
  const sendable = letters.filter((letter) => {
    try {
      checkReplayable(letter)
      return true
    } catch (error) {
      tellStays(letter, error)
      return false
    }
  })
  let stay = letters.length - sendable.length
  for (const some of Map.groupBy(sendable, ({ listener }) => listener).values()) {
    for (let first = 0; first < some.length; first += MAX_LETTERS) {
      const chunk = some.slice(first, first + MAX_LETTERS)
      try {
        await replayer.replay(chunk, operator)
        for (const { id, type, listener } of chunk)
          say(`${shown(id)}  ${listener} was asked to take ${shown(type)} again`)
      } catch (error) {
        stay += chunk.length
        for (const letter of chunk) tellStays(letter, error)
      }
    }
  }
  return stay
}

function tellStays({ id, type }: DeadLetter, error: unknown): void {
  if (!(error instanceof UsageError)) throw error
  complain(`${shown(id)}  ${shown(type)} stays where it is: ${shown(error.message)}`)
}

export interface Replayer {
  /** Returns once the task exists. The letters are of one listener. @throws UsageError when it was refused */
  replay(letters: readonly DeadLetter[], operator: Operator): Promise<void>
  close(): Promise<void>
}

export async function createReplayer({ projectId, region, serviceUrls, clientOptions }: Target): Promise<Replayer> {
  const { CloudTasksClient } = await import('@google-cloud/tasks')
  const client: CloudTasksClient = new CloudTasksClient(await clientOptions())
  return {
    async replay(letters, operator) {
      const { listener } = letters[0]!
      const url = serviceUrls[listener]!
      const parent = client.queuePath(projectId, region, queueName(listener))
      const envelope = envelopeOf(letters, operator)
      const headers = { 'content-type': 'application/json', ...operatorHeaders(operator) }
      const task = {
        dispatchDeadline: { seconds: DISPATCH_DEADLINE_SECONDS },
        httpRequest: {
          url: `${url}${commandPath(replayCommand)}`,
          httpMethod: 'POST' as const,
          headers: { ...headers, traceparent: envelope.traceparent },
          body: Buffer.from(JSON.stringify(envelope)),
          oidcToken: { serviceAccountEmail: accountEmail(operationsAccountId, projectId), audience: url },
        },
      }
      try {
        await client.createTask({ parent, task })
      } catch (error) {
        throw new UsageError(`The task was refused: ${(error as Error).message}`)
      }
    },
    close: () => client.close(),
  }
}

function envelopeOf(letters: readonly DeadLetter[], { actor }: Operator) {
  const id = freshId(Date.now())
  return {
    id,
    type: replayCommand,
    version: 1,
    source: 'cli',
    subject: letters[0]!.listener,
    sequence: 0,
    time: new Date().toISOString(),
    correlationId: id,
    causationId: id,
    traceparent: traceparentOf({ traceId: newTraceId(), spanId: newSpanId(), sampled: true }),
    actor: `operator:${actor}`,
    data: { messageIds: letters.map((letter) => letter.id) },
  }
}
