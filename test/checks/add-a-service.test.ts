/** The service of docs/add-a-service.md, added as it says: a folder and a line, and it runs. */

import { readFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { references } from '../../cli/references.ts'
import type { startTestPlatform } from '../support/platform.ts'
import { services } from '../../functions/index.ts'
import { type Copy, copyOfSources } from './copy.ts'

let copy: Copy

beforeAll(() => {
  copy = copyOfSources()
  const page = readFileSync(join(copy.root, 'docs/add-a-service.md'), 'utf8')
  const blocks = [...page.matchAll(/`functions\/loyalty\/([\w-]+\.(?:ts|json))`[\s\S]*?```(?:ts|json)\n([\s\S]*?)```/g)]
  expect(blocks.map(([, file]) => file)).toEqual(['contracts.ts', 'frozen-events.json', 'service.ts', 'app.ts'])
  mkdirSync(join(copy.root, 'functions/loyalty'))
  for (const [, file, code] of blocks) copy.write(`functions/loyalty/${file}`, code!)
  copy.replace(
    'functions/index.ts',
    'import { orders }',
    "import { loyalty } from './loyalty/service.ts'\nimport { orders }",
  )
  copy.replace('functions/index.ts', '8: notifications,\n', '8: notifications,\n  9: loyalty,\n')
})
afterAll(() => copy.remove())

it('compiles, and passes lint and format', { timeout: 60_000 }, () => {
  expect(copy.run('typescript/bin/tsc', '-p', '.')).toEqual({ code: 0, output: '' })
  expect(copy.run('oxlint/bin/oxlint', 'functions').output).toContain('0 errors')
  expect(copy.run('oxfmt/bin/oxfmt', '--check', 'functions').code).toBe(0)
})

it('keeps its contracts, by the suite that every service is held to', { timeout: 60_000 }, () => {
  const { code, output } = copy.run(
    'vitest/vitest.mjs',
    'run',
    'test/architecture/contracts.test.ts',
    '--reporter=verbose',
  )
  expect([code, output]).toEqual([0, expect.stringContaining('points.granted of loyalty')])
})

it('has its own resources, and answers', { timeout: 120_000 }, async () => {
  const support = (await import(pathToFileURL(join(copy.root, 'test/support/platform.ts')).href)) as {
    startTestPlatform: typeof startTestPlatform
  }
  const platform = await support.startTestPlatform()
  try {
    const own = platform.stacks.find(({ name }) => name === 'local-loyalty')!.json.resource!
    const count = (type: string): number => Object.keys(own[type] ?? {}).length
    expect({
      service: count('google_cloud_run_v2_service'),
      database: count('google_firestore_database'),
      queue: count('google_cloud_tasks_queue'),
      subscriptions: count('google_pubsub_subscription'),
      publishes: count('google_pubsub_topic_iam_member'),
    }).toEqual({ service: 1, database: 1, queue: 1, subscriptions: 1, publishes: 2 })
    expect(platform.stacks).toHaveLength(services.length + 1 + 3)

    const api = platform.customer()
    const body = {
      currency: 'EUR',
      lines: [{ sku: 'TEA-001', quantity: 1 }],
      ...(await references(api)),
    }
    const placed = await api.send<{ orderId: string }>('POST', '/v1/orders', { key: 'loyal', body })
    await platform.followed(api, placed.body.orderId)
    await expect
      .poll(
        () =>
          platform.cloud
            .requestLog()
            .some(
              ({ kind, resource, status }) =>
                kind === 'push' && resource.endsWith('loyalty.order.completed') && status === 204,
            ),
        { timeout: 15_000 },
      )
      .toBe(true)
  } finally {
    await platform.close()
  }
})
