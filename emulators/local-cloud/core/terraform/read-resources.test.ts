import { describe, expect, it } from 'vitest'
import { iam } from '../../iam/plugin.ts'
import { pubsub } from '../../pubsub/plugin.ts'
import { readResources, type StackJson } from './read-resources.ts'

const stack = (json: StackJson['json']): StackJson => ({
  name: 'local-bus',
  json: { provider: { google: [{ project: 'p' }] }, ...json },
})
const resourcesOf = (stacks: readonly StackJson[]) => readResources(stacks, [iam, pubsub])

describe('reading synthesized stacks', () => {
  it('orders resources by their references, and resolves these', () => {
    const resources = resourcesOf([
      stack({
        variable: { digest: { default: 'sha256:1' } },
        resource: {
          google_pubsub_subscription: {
            orders: {
              name: 'orders.x',
              topic: '${google_pubsub_topic.x.id}',
              labels: { image: 'repo@${var.digest}' },
              depends_on: ['google_service_account.push'],
            },
          },
          google_pubsub_topic: { x: { name: 'x', lifecycle: { prevent_destroy: true } } },
          google_service_account: { push: { account_id: 'orders-push' } },
        },
      }),
    ])
    expect(resources.map((one) => one.address)).toEqual([
      'google_service_account.push',
      'google_pubsub_topic.x',
      'google_pubsub_subscription.orders',
    ])
    expect(resources.at(-1)?.attributes).toEqual({
      project: 'p',
      name: 'orders.x',
      topic: 'projects/p/topics/x',
      labels: { image: 'repo@sha256:1' },
    })
    expect(resources[1]?.attributes).toEqual({ project: 'p', name: 'x' })
  })

  it.each([
    ['${google_pubsub_topic.y.id}', /refers to google_pubsub_topic\.y, which this stack does not declare/],
    ['${google_pubsub_topic.x.uri}', /google_pubsub_topic\.x\.uri, which the local cloud does not know/],
    ['${var.missing}', /needs the variable missing/],
    ['${upper("x")}', /does not evaluate/],
    ['${google_pubsub_subscription.s.id}', /depends on itself/],
  ])('names the reference that it can not resolve: %s', (topic, message) => {
    const resource = {
      google_pubsub_topic: { x: { name: 'x' } },
      google_pubsub_subscription: { s: { name: 's', topic } },
    }
    expect(() => resourcesOf([stack({ resource })])).toThrow(message)
  })
})
