/** The account `operations` can not send messages of a service: no event, and only commands without content. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { unusedIssuer } from '../../functions/gateway/edge.testing.ts'
import { business, services } from '../../functions/index.ts'
import { app as orders } from '../../functions/orders/app.ts'
import { orders as description } from '../../functions/orders/service.ts'
import { commandPath, eventPath, republishCommand, replayCommand } from '../../shared/base/names.ts'
import { deadLetterCommands } from '../../shared/messaging/dead-letter-commands.ts'
import { createHttpApp } from '../../shared/runtime/http-app.ts'
import { operatorHeaders } from '../../shared/base/operator.ts'
import { receivesMessages } from '../../shared/service/service.ts'
import { emailOf, idToken, pushBody, testConfig } from '../../shared/base/config.testing.ts'
import { message } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { environments } from '../../stacks/environments.ts'
import { settingsOf } from '../../stacks/service-variables.ts'
import { openCluster } from '../support/in-process-cluster.ts'
import { root } from '../support/root.ts'

const { prod } = environments

const forged = {
  orderId: 'o-1',
  amountMinor: 1,
  currency: 'EUR',
  authorizationId: 'a-1',
  expiresAt: '2027-01-01T00:00:00.000Z',
}

const named = operatorHeaders({ actor: 'jo', reason: 'the provider is back' })

describe('a forged payment', () => {
  const started = () => {
    const platform = testPlatform(description, { settings: settingsOf(prod, business) })
    return { platform, http: createHttpApp(orders, platform, testConfig('orders')) }
  }
  const authorized = (source: string) =>
    message('payment.authorized', forged, { source, subject: 'o-1', sequence: 1, correlationId: 'o-1' })

  it('is refused when an operator sends it, and that is a security event', async () => {
    const { platform, http } = started()
    const response = await http.request(eventPath('payment.authorized'), {
      method: 'POST',
      headers: { authorization: idToken('orders', 'operations') },
      body: pushBody(authorized('payments')),
    })
    expect(response.status).toBe(403)
    expect(platform.commitsByStream().size).toBe(0)
    expect(platform.logs.find(({ event }) => event === 'security')?.fields).toMatchObject({
      event: 'caller-refused',
      subject: emailOf('operations'),
      route: '/events/payment.authorized',
    })
  })

  it('is refused as content of a replay, which carries only ids', async () => {
    const { platform, http } = started()
    const send = async (data: unknown): Promise<number> => {
      const response = await http.request(commandPath(replayCommand), {
        method: 'POST',
        headers: { authorization: idToken('orders', 'operations'), ...named },
        body: JSON.stringify(message(replayCommand, data, { sequence: 0, subject: 'orders' })),
      })
      return response.status
    }
    expect(await send({ messageIds: ['m-1'], message: authorized('payments') })).toBe(204)
    expect(await send({ messageIds: [authorized('payments')] })).toBe(204)
    expect(platform.commitsByStream().size).toBe(0)
    const refused = platform.logs.filter(({ fields }) => fields['event'] === 'replay-refused')
    expect(refused).toHaveLength(2)
  })

  it('is refused in a replayed dead letter whose source is not payments', async () => {
    const { platform, http } = started()
    await platform.publisher.deadLetter('orders', Buffer.from(JSON.stringify(authorized('gateway'))), {
      type: 'payment.authorized',
    })
    const [letter] = platform.deadLetters
    await http.request(commandPath(replayCommand), {
      method: 'POST',
      headers: { authorization: idToken('orders', 'operations'), ...named },
      body: JSON.stringify(message(replayCommand, { messageIds: [letter!.messageId] }, { sequence: 0 })),
    })
    expect(platform.commitsByStream().size).toBe(0)
    expect(platform.deadLetters).toEqual([letter])
  })
})

it('every path of every service except republish, replay and discard refuses operators', async () => {
  const cluster = await openCluster(unusedIssuer)
  const open: string[] = []
  let requestCount = 0
  for (const service of services.filter(receivesMessages)) {
    const paths = [
      ...service.on.map((type) => eventPath(type)),
      ...[...service.accepts, republishCommand, ...deadLetterCommands, 'Anything'].map(commandPath),
    ]
    for (const path of paths) {
      const headers = {
        authorization: idToken(service.name, 'operations'),
        'content-type': 'application/json',
        ...named,
      }
      const { status } = await cluster.request(service.name, path, { method: 'POST', headers, body: '{}' })
      requestCount += 1
      if (status !== 403) open.push(`${service.name} ${path}`)
    }
  }
  expect(requestCount).toBeGreaterThan(60)
  const expected = services
    .filter(receivesMessages)
    .flatMap(({ name, acceptsFromOperators }) => [
      ...acceptsFromOperators.map((command) => `${name} ${commandPath(command)}`),
      `${name} ${commandPath(republishCommand)}`,
      ...deadLetterCommands.map((command) => `${name} ${commandPath(command)}`),
    ])
  expect(open.toSorted()).toEqual(expected.toSorted())
  // Commands that a description opens to operators: the status of an order is announced again as it is, and a comparison only reads, and has a limit of its own.
  const opened = services.flatMap(({ acceptsFromOperators }) => acceptsFromOperators)
  expect(opened).toEqual(['AnnounceStatus', 'ReconcileRecords'])
})

it.each(['docs/security.md', 'docs/operations.md', 'docs/decisions/0021-operators-name-what-they-replay.md'])(
  '%s names the commands that descriptions open to operators',
  (page) => {
    const opened = services.flatMap(({ name, acceptsFromOperators }) =>
      acceptsFromOperators.map((command) => `\`${command}\` of ${name}`),
    )
    expect(readFileSync(join(root, page), 'utf8')).toContain(`\`acceptsFromOperators\` (${opened.join(', ')})`)
  },
)
