/** Sends a command to a service as another service. */

import { accountEmail, commandPath, queueName } from '../../../shared/base/names.ts'
import type { TestPlatform } from '../../support/platform.ts'

interface Sent {
  readonly type: string
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly data: object
}

export async function sendCommand(
  { running, ports }: Pick<TestPlatform, 'running' | 'ports'>,
  { type, from, to, subject, data }: Sent,
): Promise<void> {
  const envelope = {
    id: crypto.randomUUID(),
    type,
    version: 1,
    source: from,
    subject,
    sequence: 0,
    time: new Date().toISOString(),
    correlationId: subject,
    causationId: subject,
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    actor: `service:${from}`,
    data,
  }
  const url = `http://127.0.0.1:${ports.service(to)}`
  const task = {
    httpRequest: {
      url: `${url}${commandPath(type)}`,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(envelope)).toString('base64'),
      oidcToken: { serviceAccountEmail: accountEmail(from, running.projectId), audience: url },
    },
  }
  const queue = `projects/${running.projectId}/locations/europe-west1/queues/${queueName(to)}`
  const response = await fetch(`http://${running.apiHost}/v2/${queue}/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ task }),
  })
  if (!response.ok) throw new Error(`${type} could not be sent: ${await response.text()}`)
}
