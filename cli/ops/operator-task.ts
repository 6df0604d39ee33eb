/** Sends a task of an operator to a service's own queue, under the account of operators: the service logs who sent it, and why. */

import type { CloudTasksClient } from '@google-cloud/tasks'
import { freshId } from '../../shared/base/ids.ts'
import { accountEmail, commandPath, operationsAccountId, queueName } from '../../shared/base/names.ts'
import { type Operator, operatorHeaders } from '../../shared/base/operator.ts'
import { newSpanId, newTraceId, traceparentOf } from '../../shared/base/trace.ts'
import { UsageError } from '../command.ts'
import type { Target } from './target.ts'

const DISPATCH_DEADLINE_SECONDS = 60

export interface OperatorTasks {
  /** Returns the command's id once the task exists. @throws UsageError when the task was refused */
  send(command: OperatorCommand, operator: Operator): Promise<string>
  close(): Promise<void>
}

export interface OperatorCommand {
  readonly service: string
  readonly type: string
  readonly version: number
  readonly data: object
}

export async function createOperatorTasks({
  projectId,
  region,
  serviceUrls,
  clientOptions,
}: Target): Promise<OperatorTasks> {
  const { CloudTasksClient } = await import('@google-cloud/tasks')
  const client: CloudTasksClient = new CloudTasksClient(await clientOptions())
  return {
    async send({ service, ...command }, operator) {
      const url = serviceUrls[service]!
      const parent = client.queuePath(projectId, region, queueName(service))
      const envelope = envelopeOf(service, command, operator)
      const headers = { 'content-type': 'application/json', ...operatorHeaders(operator) }
      const task = {
        dispatchDeadline: { seconds: DISPATCH_DEADLINE_SECONDS },
        httpRequest: {
          url: `${url}${commandPath(command.type)}`,
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
      return envelope.id
    },
    close: () => client.close(),
  }
}

function envelopeOf(subject: string, { type, version, data }: Omit<OperatorCommand, 'service'>, { actor }: Operator) {
  const id = freshId(Date.now())
  return {
    id,
    type,
    version,
    source: 'cli',
    subject,
    sequence: 0,
    time: new Date().toISOString(),
    correlationId: id,
    causationId: id,
    traceparent: traceparentOf({ traceId: newTraceId(), spanId: newSpanId(), sampled: true }),
    actor: `operator:${actor}`,
    data,
  }
}
