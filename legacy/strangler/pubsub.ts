/** Topics and subscriptions of the migration, by Pub/Sub's REST API: https://cloud.google.com/pubsub/docs/reference/rest */

import { topicName } from '../../shared/base/names.ts'
import { copied, type PlatformEvent } from './from-platform.ts'
import { type Changes, type Messages, sumOfEach } from './migration.ts'
import type { ChangeMessage } from './to-platform.ts'

const CHANGES = 'legacy-changes'
/** So that the copies of step 6 wait for a way back. */
const RETENTION = '604800s'
/** So that messages that can never be handled, be they more than one pull takes, leave room for the others. */
const retryPolicy = { minimumBackoff: '1s', maximumBackoff: '60s' }

interface Received {
  readonly ackId: string
  readonly message: { readonly data: string; readonly messageId: string }
}

/** Makes what is missing. @param api `http://host:port` */
export async function openPubSub(
  api: string,
  projectId: string,
): Promise<{ readonly changes: Changes; readonly events: Messages<PlatformEvent> }> {
  const call = async (method: string, path: string, body: object, accept: readonly number[] = []): Promise<unknown> => {
    const response = await fetch(`${api}/v1/projects/${projectId}/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (response.ok) return response.json()
    const text = await response.text()
    if (accept.includes(response.status)) return undefined
    throw new Error(`Pub/Sub answered ${response.status} to ${method} ${path}: ${text.slice(0, 200)}`)
  }
  async function subscribe(subscription: string, topic: string): Promise<void> {
    const path = `subscriptions/${subscription}`
    const made = await call(
      'PUT',
      path,
      {
        topic: `projects/${projectId}/topics/${topic}`,
        ackDeadlineSeconds: 60,
        messageRetentionDuration: RETENTION,
        expirationPolicy: {},
        retryPolicy,
      },
      [409],
    )
    // It exists, perhaps from before it had the policy.
    if (made === undefined) await call('PATCH', path, { subscription: { retryPolicy }, updateMask: 'retryPolicy' })
  }
  async function pull<M>(
    subscription: string,
    limit: number,
    handle: (message: M, id: string) => Promise<void>,
  ): Promise<number> {
    const { receivedMessages = [] } = (await call('POST', `subscriptions/${subscription}:pull`, {
      maxMessages: limit,
      returnImmediately: true,
    })) as { receivedMessages?: readonly Received[] }
    const failed: { readonly ackId: string; readonly error: unknown }[] = []
    for (const { ackId, message } of receivedMessages)
      try {
        await handle(JSON.parse(Buffer.from(message.data, 'base64').toString('utf8')) as M, message.messageId)
        await call('POST', `subscriptions/${subscription}:acknowledge`, { ackIds: [ackId] })
      } catch (error) {
        // One that can never be handled keeps none of the others waiting.
        failed.push({ ackId, error })
      }
    if (failed.length > 0) {
      // Delivered again after the time of the policy.
      const ackIds = failed.map(({ ackId }) => ackId)
      await call('POST', `subscriptions/${subscription}:modifyAckDeadline`, { ackIds, ackDeadlineSeconds: 0 })
      throw failed[0]!.error
    }
    return receivedMessages.length
  }

  await call('PUT', `topics/${CHANGES}`, {}, [409])
  await subscribe(CHANGES, CHANGES)
  const subscriptions = copied.map((type) => `legacy-copy-${type}`)
  for (const [index, type] of copied.entries()) await subscribe(subscriptions[index]!, topicName(type))
  return {
    changes: {
      async publish(messages) {
        const encoded = messages.map((message: ChangeMessage) => ({
          data: Buffer.from(JSON.stringify(message)).toString('base64'),
        }))
        await call('POST', `topics/${CHANGES}:publish`, { messages: encoded })
      },
      pull: (limit, handle) => pull(CHANGES, limit, handle),
    },
    events: {
      async pull(limit, handle) {
        const pulls = subscriptions.map((subscription) => () => pull<PlatformEvent>(subscription, limit, handle))
        return sumOfEach(pulls)
      },
    },
  }
}
