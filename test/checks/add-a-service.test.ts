/** The service, event, command and emulator that the documents make by `npm run new` pass the check and their tests, and the service runs. */

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { references } from '../../functions/shop/cli/references.ts'
import type { startTestPlatform } from '../support/platform.ts'
import { services } from '../../functions/index.ts'
import { type Copy, copyOfSources } from './copy.ts'

let copy: Copy
const documents = ['docs/add-a-service.md', 'emulators/local-cloud/core/README.md']

/** Everything that the documents make by `npm run new`, in their order. */
beforeAll(() => {
  copy = copyOfSources()
  const commands = documents
    .flatMap((document) => [...copy.read(document).matchAll(/^npm run new -- (.+)$/gm)])
    .map(([, words]) => words!.split(' '))
  expect(commands.map(([kind]) => kind)).toEqual(['service', 'event', 'command', 'emulator'])
  for (const [index, words] of commands.entries()) {
    expect(copy.runOwn('cli/new.ts', ...words)).toMatchObject({ code: 0 })
    if (index === 0) expectAsShown(copy.read(documents[0]!))
  }
}, 60_000)
afterAll(() => copy.remove())

/** Asserts that the page shows the files of the new service. */
function expectAsShown(page: string): void {
  const blocks = [...page.matchAll(/`functions\/loyalty\/([\w-]+\.(?:ts|json))`[^`]*```(?:ts|json)\n([\s\S]*?)```/g)]
  expect(blocks.map(([, file]) => file)).toEqual(['contracts.ts', 'frozen-events.json', 'service.ts', 'app.ts'])
  for (const [, file, text] of blocks) expect(text).toBe(copy.read(`functions/loyalty/${file}`))
}

it('the generated code compiles, and passes lint, format and the check for unused code', { timeout: 300_000 }, () => {
  expect(copy.run('typescript/bin/tsc', '-p', '.')).toEqual({ code: 0, output: '' })
  expect(copy.run('oxlint/bin/oxlint', 'functions', 'emulators').output).toContain('0 errors')
  expect(copy.run('oxfmt/bin/oxfmt', '--check', 'functions', 'emulators').code).toBe(0)
  for (const options of [[], ['--production', '--include', 'files']])
    expect(copy.run('knip/bin/knip.js', ...options)).toMatchObject({ code: 0 })
})

it('the generated tests pass, and so do the suites of all services with the new one', { timeout: 300_000 }, () => {
  const { code, output } = copy.run(
    'vitest/vitest.mjs',
    'run',
    'functions/loyalty',
    'emulators/local-cloud/secret-manager',
    'test/architecture/contracts.test.ts',
    'test/architecture/services.test.ts',
    '--reporter=verbose',
  )
  expect(code, output).toBe(0)
  for (const name of [
    'order.completed is handled once',
    'GrantPoints is handled once',
    'a secret of the stacks is provisioned',
    'points.granted of loyalty',
    'points.spent of loyalty',
    'GrantPoints of loyalty',
    'loyalty has a handler',
  ])
    expect(output).toContain(name)
})

it('npm run new refuses an existing name, and changes nothing', () => {
  const before = copy.read('functions/index.ts')
  const { code, output } = copy.runOwn('cli/new.ts', 'service', 'loyalty')
  expect([code, output]).toEqual([1, expect.stringContaining('"loyalty" exists already')])
  expect(copy.read('functions/index.ts')).toBe(before)
})

it('the new service has its own resources, and answers requests', { timeout: 120_000 }, async () => {
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
    }).toEqual({ service: 1, database: 1, queue: 1, subscriptions: 1, publishes: 3 })
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
