/** Asks payments once more to let go of an order's money, as the checkout does when an answer is lost: only then does payments send. */

import { accountEmail, commandPath, queueName } from '../../shared/names.ts'
import type { TestPlatform } from '../support/platform.ts'

const command = 'VoidPayment'

export async function undoLate(
  { running, ports }: Pick<TestPlatform, 'running' | 'ports'>,
  orderId: string,
): Promise<void> {
  const envelope = {
    id: crypto.randomUUID(),
    type: command,
    version: 1,
    source: 'orders',
    subject: orderId,
    sequence: 0,
    time: new Date().toISOString(),
    correlationId: orderId,
    causationId: orderId,
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    actor: 'service:orders',
    data: { orderId },
  }
  const url = `http://127.0.0.1:${ports.service('payments')}`
  const task = {
    httpRequest: {
      url: `${url}${commandPath(command)}`,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(envelope)).toString('base64'),
      oidcToken: { serviceAccountEmail: accountEmail('orders', running.projectId), audience: url },
    },
  }
  const queue = `projects/${running.projectId}/locations/europe-west1/queues/${queueName('payments')}`
  const response = await fetch(`http://${running.apiHost}/v2/${queue}/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ task }),
  })
  if (!response.ok) throw new Error(`The undo could not be sent: ${await response.text()}`)
}
