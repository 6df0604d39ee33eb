/**
 * The additions to the platform: a service, an event, a command, a query and an emulator by `npm run new` as the documents have it;
 * a step of the checkout, a method of an emulator, an environment and a Terraform type by hand. All of them pass the check
 * and their tests and run together, and each touches few files.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { references } from '../../../functions/shop/cli/references.ts'
import type { startTestPlatform } from '../../support/platform.ts'
import { services } from '../../../functions/index.ts'
import { type Copy, copyOfSources } from '../../support/copy.ts'
import { blocksOf } from '../../support/document-blocks.ts'
import { root } from '../../support/root.ts'
import { wholeLists } from '../../support/whole-lists.ts'

let copy: Copy
const documents = ['docs/add-a-service.md', 'emulators/local-cloud/core/README.md']

/** The files that each addition touched: by hand or by `npm run new`, and then by `npm run record`. */
const touched: Record<string, readonly string[]> = {}
const recorded: Record<string, readonly string[]> = {}
const add = (addition: string, work: () => void): void => void (touched[addition] = copy.touchedBy(work))
/** Records these additions. */
const record = (...additions: readonly string[]): void => {
  const written = copy.touchedBy(() => {
    const { code, output } = copy.runOwn('cli/record.ts')
    expect(code, output).toBe(0)
    for (const path of output.matchAll(/^written (.+)$/gm)) expect(existsSync(join(copy.root, path[1]!))).toBe(true)
  })
  recorded[additions.join(', ')] = written
}

beforeAll(() => {
  copy = copyOfSources()
  const commands = documents.flatMap((document) => commandsIn(document))
  expect(commands.map(([kind]) => kind)).toEqual(['service', 'event', 'command', 'query', 'emulator'])
  expect(commandsIn('CONTRIBUTING.md', 'Add something')).toEqual(commands)
  for (const [index, words] of commands.entries()) {
    add(words[0]!, () => {
      expect(copy.runOwn('cli/new.ts', ...words)).toMatchObject({ code: 0 })
      completions[words[0]!]?.()
    })
    if (index === 0) expectAsShown(copy.read(documents[0]!))
  }
  add('first listener', addFirstListener)
  add('listener', addListener)
  add('notification', addNotification)
  add('public operation', () => addOperation(copy.read(documents[0]!)))
  const lacking = copy.run('vitest/vitest.mjs', 'run', 'frozen-', 'test/architecture/contracts.test.ts')
  for (const entry of ['points.granted@1', 'GrantPoints@1', 'readPoints']) expect(lacking.output).toContain(entry)
  expect(lacking).toMatchObject({ code: 1, output: expect.stringContaining('npm run record adds it') })
  record('service', 'event', 'notification', 'command', 'public operation')
  add('step of the checkout', addStep)
  add('method of an emulator', addMethod)
  add('environment', addEnvironment)
  add('Terraform type', addTerraformType)
  record('step of the checkout', 'Terraform type')
  copy.run('oxfmt/bin/oxfmt', 'functions', 'emulators', 'stacks')
}, 180_000)
afterAll(() => copy.remove())

/** The words after `npm run new --` in the blocks of a document, or of one section. */
const commandsIn = (document: string, section?: string): string[][] =>
  blocksOf(readFileSync(join(root, document), 'utf8'))
    .filter((block) => section === undefined || block.section === section)
    .flatMap(({ text }) => [...text.matchAll(/^npm run new -- (.+)$/gm)])
    .map(([, words]) => words!.split(' '))

/** Asserts that the page shows the files of the new service. */
function expectAsShown(page: string): void {
  const blocks = [...page.matchAll(/`functions\/loyalty\/([\w-]+\.ts)`[^`]*```ts\n([\s\S]*?)```/g)]
  expect(blocks.map(([, file]) => file)).toEqual(['contracts.ts', 'service.ts', 'app.ts'])
  for (const [, file, text] of blocks) expect(text).toBe(copy.read(`functions/loyalty/${file}`))
}

/** The edits that `npm run new` leaves to its user: it prints them as the next steps. */
const completions: Readonly<Record<string, () => void>> = { event: spendPoints, command: sendCommand }

/** The points of an order are spent with the same decision that grants them. */
function spendPoints(): void {
  copy.replace(
    'functions/loyalty/app.ts',
    "events: [{ type: 'points.granted', data: { id } }]",
    "events: [{ type: 'points.granted', data: { id } }, { type: 'points.spent', data: { id } }]",
  )
  copy.replace(
    'functions/loyalty/app.test.ts',
    "    { type: 'points.granted', data: { id } },\n",
    "    { type: 'points.granted', data: { id } },\n    { type: 'points.spent', data: { id } },\n",
  )
  copy.replace('functions/loyalty/app.test.ts', 'size).toBe(1)', 'size).toBe(2)')
}

/** Orders has a table of the events that are facts about an order: spent points reduce what is authorized. */
function addListener(): void {
  const facts = 'functions/orders/facts.ts'
  copy.replace(
    facts,
    'import { inventoryContracts',
    "import { loyaltyContracts } from '../loyalty/contracts.ts'\nimport { inventoryContracts",
  )
  copy.replace(facts, '()([inventoryContracts, ', '()([inventoryContracts, loyaltyContracts, ')
  copy.replace(
    facts,
    "  'payment.reduced':",
    "  'points.spent': ({ data }) => ({ orderId: data.id, fact: { type: 'authorization-reduced' } }),\n  'payment.reduced':",
  )
}

/** The catalog has subscribed to no event before, and handles this one. */
function addFirstListener(): void {
  const [description, app] = ['functions/catalog/service.ts', 'functions/catalog/app.ts']
  copy.replace(description, '  uses: [],\n  on: [],\n', "  uses: [loyaltyContracts],\n  on: ['points.spent'],\n")
  copy.replace(
    description,
    'import { catalogContracts',
    "import { loyaltyContracts } from '../loyalty/contracts.ts'\nimport { catalogContracts",
  )
  copy.replace(
    app,
    '  on: {},\n',
    "  on: {\n    'points.spent': (message, platform) =>\n      platform.streams.handle(message, message.correlationId, () => noChange),\n  },\n",
  )
  copy.replace(app, 'import type { Decision, Platform }', 'import { type Decision, noChange, type Platform }')
}

/** Customers are notified of an event: one handler sends the texts of all. */
function addNotification(): void {
  copy.replace(
    'functions/notifications/templates.ts',
    "  'order.rejected': (",
    "  'order.released': ({ data: { orderId } }) => `Your order ${orderId} will leave soon.`,\n  'order.rejected': (",
  )
}

/** A completed order grants points: a command that is listed and not sent is refused by test/architecture/services.test.ts. */
function sendCommand(): void {
  copy.replace(
    'functions/orders/advance.ts',
    "return { events: [...events, { type: 'order.completed', data: { orderId: order.orderId } }], commands }",
    `return {
      events: [...events, { type: 'order.completed', data: { orderId: order.orderId } }],
      commands: [...commands, { type: 'GrantPoints', data: { id: order.orderId } }],
    }`,
  )
}

/** The service's folder has its operation, as the page has it: the gateway is left as it is. */
function addOperation(page: string): void {
  const [, api] = /```ts\n(\/\*\* The public operations of loyalty[\s\S]*?)```/.exec(page)!
  copy.write('functions/loyalty/api.ts', api!)
  copy.replace(
    'functions/loyalty/service.ts',
    '  contracts: loyaltyContracts,\n',
    '  contracts: loyaltyContracts,\n  api: loyaltyApi,\n',
  )
  copy.replace(
    'functions/loyalty/service.ts',
    'import { loyaltyContracts',
    "import { loyaltyApi } from './api.ts'\nimport { loyaltyContracts",
  )
}

/** The service loyalty checks the customer's account before the card is authorized. Running sagas keep the steps of version 1. */
function addStep(): void {
  copy.replace(
    'functions/loyalty/contracts.ts',
    '  events: {\n',
    `  events: {
    'account.checked': { version: 1, data: z.strictObject({ orderId: reference }), example: { orderId: 'o-1' } },
    'account.blocked': {
      version: 1,
      data: z.strictObject({ orderId: reference, code: reference }),
      example: { orderId: 'o-1', code: 'account-blocked' },
    },
`,
  )
  copy.replace(
    'functions/loyalty/contracts.ts',
    '  commands: { GrantPoints:',
    `  commands: {
    CheckAccount: { version: 1, data: z.strictObject({ orderId: reference }), readOnly: true, example: { orderId: 'o-1' } },
    GrantPoints:`,
  )
  copy.replace(
    'functions/loyalty/app.ts',
    '  commands: {\n',
    `  commands: {
    CheckAccount: (message, platform) =>
      platform.streams.handle<Recorded>(message, \`account-\${message.data.orderId}\`, () => ({
        events: [{ type: 'account.checked', data: message.data }],
        commands: [],
      })),
`,
  )
  copy.replace(
    'functions/orders/checkout.ts',
    "  version: 2,\n  previousVersions: { 1: ['reserve-stock', 'authorize-payment'] },\n",
    `  version: 3,
  previousVersions: { 1: ['reserve-stock', 'authorize-payment'], 2: ['reserve-stock', 'obtain-payment'] },
`,
  )
  copy.replace(
    'functions/orders/checkout.ts',
    'import { paymentsContracts',
    "import { loyaltyContracts } from '../loyalty/contracts.ts'\nimport { paymentsContracts",
  )
  copy.replace(
    'functions/orders/checkout.ts',
    'contracts: [inventoryContracts, paymentsContracts]',
    'contracts: [inventoryContracts, loyaltyContracts, paymentsContracts]',
  )
  copy.replace(
    'functions/orders/checkout.ts',
    "    {\n      ...authorizePayment,\n      name: 'obtain-payment',",
    `    {
      name: 'check-account',
      command: 'CheckAccount',
      data: ({ orderId }) => ({ orderId }),
      done: 'account.checked',
      failed: 'account.blocked',
      reasonOf: ({ code }) => code,
      timeoutSeconds: 60,
    },
    {
      ...authorizePayment,
      name: 'obtain-payment',`,
  )
}

/** A database has no user credentials, because this emulator can not create one. */
function addMethod(): void {
  copy.replace(
    'emulators/local-cloud/firestore/api/admin/databases.ts',
    '/** By their names in the API. */\nexport const databaseMethods = { createDatabase,',
    `function listUserCreds(core: FirestoreCore, request: { readonly parent?: string }): object {
  requireDatabase(core.admin, parseDatabaseName(request.parent ?? ''))
  return { userCreds: [] }
}

/** By their names in the API. */
export const databaseMethods = { listUserCreds, createDatabase,`,
  )
  copy.replace(
    'emulators/local-cloud/firestore/permissions.ts',
    "    listIndexes: ofParent('indexes.list'),",
    "    listUserCreds: ofParent('userCreds.list'),\n    listIndexes: ofParent('indexes.list'),",
  )
}

/** The entry as the page has it. */
function addEnvironment(): void {
  const { text } = blocksOf(copy.read('docs/add-a-service.md')).find(({ section }) => section === 'An environment')!
  copy.replace('stacks/environments.ts', '  staging: {\n', `${text}  staging: {\n`)
}

/** A document in each database, of a type that the emulator of Firestore did not provision. */
function addTerraformType(): void {
  copy.replace(
    'stacks/google.ts',
    'export { FirestoreField }',
    "export { FirestoreDocument } from '@cdktf/provider-google/lib/firestore-document/index.js'\nexport { FirestoreField }",
  )
  copy.replace('stacks/service-database.ts', '  FirestoreField,\n', '  FirestoreDocument,\n  FirestoreField,\n')
  copy.replace(
    'stacks/service-database.ts',
    '    const { projectId } = environment\n',
    `    const first = { database: database.name, collection: 'notes', documentId: 'first' }
    new FirestoreDocument(this, 'note', { ...first, fields: JSON.stringify({ text: { stringValue: 'first' } }) })
    const { projectId } = environment
`,
  )
  copy.replace(
    'emulators/local-cloud/firestore/terraform.ts',
    'export const indexProvisioner',
    `/** Writes the document, whether or not it exists. */
export const documentProvisioner: Provisioner = {
  async create(resource, api) {
    const { path, fields } = readAttributes(resource, (attributes) => ({
      path: documentPath(attributes),
      fields: JSON.parse(attributes.required('fields')) as object,
    }))
    await api('PATCH', path, { fields })
  },
  async remove(resource, api) {
    await api('DELETE', documentPath(attributesOf(resource)))
  },
  holdsData: () => true,
}

const documentPath = (document: Attributes): string =>
  \`/v1/\${databaseName(document, 'database')}/documents/\${document.required('collection')}/\${document.required('document_id')}\`

export const indexProvisioner`,
  )
  copy.replace(
    'emulators/local-cloud/firestore/plugin.ts',
    '{ databaseProvisioner, ',
    '{ databaseProvisioner, documentProvisioner, ',
  )
  copy.replace(
    'emulators/local-cloud/firestore/plugin.ts',
    '    google_firestore_index:',
    '    google_firestore_document: documentProvisioner,\n    google_firestore_index:',
  )
  copy.replace(
    'test/platform/wiring/optional-resources.testing.ts',
    "    covers: ({ type }) => type === 'google_firestore_field',\n  },\n",
    "    covers: ({ type }) => type === 'google_firestore_field',\n  },\n  { reason: 'no service reads it', covers: ({ type }) => type === 'google_firestore_document' },\n",
  )
}

it('each addition touches few files', () => {
  const loyalty = (...files: string[]): string[] => files.map((file) => `functions/loyalty/${file}`)
  expect(touched).toEqual({
    service: ['functions/index.ts', ...loyalty('app.test.ts', 'app.ts', 'contracts.ts', 'service.ts')],
    event: loyalty('app.test.ts', 'app.ts', 'contracts.ts'),
    'first listener': ['functions/catalog/app.ts', 'functions/catalog/service.ts'],
    listener: ['functions/orders/facts.ts'],
    notification: ['functions/notifications/templates.ts'],
    command: [
      ...loyalty('app.ts', 'contracts.ts', 'grant-points.test.ts'),
      'functions/orders/advance.ts',
      'functions/orders/service.ts',
    ],
    query: [
      ...loyalty('app.ts', 'contracts.ts', 'frozen-queries.json', 'read-points.test.ts'),
      'test/architecture/stored-data.test.ts',
    ],
    'public operation': loyalty('api.ts', 'service.ts'),
    'step of the checkout': [...loyalty('app.ts', 'contracts.ts'), 'functions/orders/checkout.ts'],
    'method of an emulator': [
      'emulators/local-cloud/firestore/api/admin/databases.ts',
      'emulators/local-cloud/firestore/permissions.ts',
    ],
    emulator: [
      'emulators/local-cloud/parameter-manager/README.md',
      'emulators/local-cloud/parameter-manager/parameter-manager.test.ts',
      'emulators/local-cloud/parameter-manager/plugin.ts',
      'emulators/start.ts',
    ],
    environment: ['stacks/environments.ts'],
    'Terraform type': [
      'emulators/local-cloud/firestore/plugin.ts',
      'emulators/local-cloud/firestore/terraform.ts',
      'stacks/google.ts',
      'stacks/service-database.ts',
      'test/platform/wiring/optional-resources.testing.ts',
    ],
  })
  for (const [additions, files] of Object.entries(recorded))
    expect(files).toEqual([...new Set(additions.split(', ').flatMap((addition) => recordsOf[addition]!))].toSorted())
})

/** By addition: what `npm run record` writes for it. */
const recordsOf: Readonly<Record<string, readonly string[]>> = {
  service: ['functions/loyalty/frozen-messages.json'],
  event: ['functions/gateway/frozen-asyncapi.json', 'functions/loyalty/frozen-messages.json'],
  // The flows and the pictures say which events their customer is notified of.
  notification: ['docs/flows.md', 'docs/orders.md'],
  command: ['functions/gateway/frozen-asyncapi.json', 'functions/loyalty/frozen-messages.json'],
  'public operation': [
    'docs/resilience.md',
    'functions/gateway/schema.graphql',
    'functions/loyalty/access.json',
    'functions/loyalty/frozen-api.json',
    'functions/loyalty/rpc.json',
    'proto/millrace/loyalty/v1/loyalty.proto',
  ],
  'step of the checkout': [
    'docs/flows.md',
    'docs/orders.md',
    'functions/gateway/frozen-asyncapi.json',
    'functions/loyalty/frozen-messages.json',
    'functions/orders/frozen-sagas.json',
  ],
  'Terraform type': ['test/stacks/addresses.json'],
}

/** The additions of the table, by their first words. */
const rows: Readonly<Record<string, string>> = {
  service: 'a service',
  event: 'an event',
  listener: 'a subscription to it',
  'first listener': 'a first one of a service',
  notification: 'a notification of one',
  command: 'a command',
  query: 'a query',
  'public operation': 'a public operation',
  'step of the checkout': 'a step of the checkout',
  'method of an emulator': 'a method of an emulator',
  emulator: 'an emulator',
  environment: 'an environment',
  'Terraform type': 'a Terraform type',
}

const isOfTests = (file: string): boolean => file.endsWith('.test.ts') || file.startsWith('test/')

it('the page has the number of files of each addition, with and without those of tests, and of its records', () => {
  const [, table] = copy.read('docs/add-a-service.md').split('## What an addition costs')
  const shown = [...table!.matchAll(/^\| (an? [^|]*?) +\| [^|]*\| (\d+) +\| (\d+) +\| (\d+) +\|/gm)].map(
    ([, name, ...counts]) => [name, ...counts.map(Number)],
  )
  expect(shown).toEqual(
    Object.entries(rows).map(([addition, name]) => {
      const files = touched[addition]!
      return [name, files.filter((file) => !isOfTests(file)).length, files.length, recordsOf[addition]?.length ?? 0]
    }),
  )
})

it('the generated code compiles, and passes lint, format and the check for unused code', { timeout: 300_000 }, () => {
  // Commands and tests import no more of an addition than these folders: npm run verify checks their types too.
  const typed = wholeLists ? undefined : ['functions', 'stacks', 'emulators']
  expect(copy.compile(typed)).toEqual({ code: 0, output: '' })
  const sources = Object.values(touched)
    .flat()
    .filter((path) => path.endsWith('.ts'))
  expect(copy.lint(...new Set(sources))).toContain('0 errors')
  expect(copy.run('oxfmt/bin/oxfmt', '--check', 'functions', 'emulators').code).toBe(0)
  for (const options of wholeLists ? [[], ['--production', '--include', 'files']] : [[]])
    expect(copy.run('knip/bin/knip.js', ...options)).toMatchObject({ code: 0 })
})

/** The suites of all services, stacks and emulators that an addition can break; those with an entry for it in npm test. */
const suites = wholeLists
  ? [
      'emulators/local-cloud/folders.test.ts',
      'test/architecture',
      'test/checks/layout.test.ts',
      'cli/new.test.ts',
      'test/stacks/addresses.test.ts',
      'test/stacks/grants.test.ts',
      'test/stacks/monthly.test.ts',
      'test/stacks/stacks.test.ts',
      'functions/gateway/operations.test.ts',
      'functions/gateway/openapi.test.ts',
      'functions/gateway/frozen-api.test.ts',
      'functions/gateway/frozen-rpc.test.ts',
      'functions/gateway/frozen-access.test.ts',
    ]
  : [
      'emulators/local-cloud/folders.test.ts',
      'test/architecture/contracts.test.ts',
      'test/architecture/sagas.test.ts',
      'test/architecture/services.test.ts',
      'test/architecture/stored-data.test.ts',
      'functions/gateway/operations.test.ts',
      'functions/gateway/frozen-api.test.ts',
      'functions/gateway/frozen-rpc.test.ts',
    ]

it('the generated tests pass, and so do the suites of all services with the new one', { timeout: 300_000 }, () => {
  const generated = ['functions/loyalty', 'emulators/local-cloud/parameter-manager']
  const { code, output } = copy.run('vitest/vitest.mjs', 'run', ...generated, ...suites, '--reporter=verbose')
  expect(code, output).toBe(0)
  for (const name of [
    'order.completed is handled once',
    'GrantPoints is handled once',
    'readPoints is refused for an unknown id, and answers for a recorded one',
    'refuses readPoints without a token',
    'a parameter of the stacks is provisioned',
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

// The parts that run are tested by the suites of each; the whole platform with the additions starts in npm run verify.
it.runIf(wholeLists)(
  'the additions run: resources are provisioned, the new step is part of a checkout, the event reaches its subscriber, the method answers',
  { timeout: 120_000 },
  async () => {
    const support = (await import(pathToFileURL(join(copy.root, 'test/support/platform.ts')).href)) as {
      startTestPlatform: typeof startTestPlatform
    }
    const platform = await support.startTestPlatform()
    try {
      const own = platform.stacks.find(({ name }) => name === 'local-loyalty')!.json.resource!
      const { whyOptional } = (await import(
        pathToFileURL(join(copy.root, 'test/platform/wiring/optional-resources.testing.ts')).href
      )) as { whyOptional(resource: object): string | undefined }
      const notes = platform.provisioned.filter(({ resource }) => resource.type === 'google_firestore_document')
      expect(notes).toHaveLength(services.length)
      expect(new Set(notes.map(({ resource }) => whyOptional(resource)))).toEqual(new Set(['no service reads it']))
      const count = (type: string): number => Object.keys(own[type] ?? {}).length
      expect({
        service: count('google_cloud_run_v2_service'),
        database: count('google_firestore_database'),
        queue: count('google_cloud_tasks_queue'),
        subscriptions: count('google_pubsub_subscription'),
      }).toEqual({ service: 1, database: 1, queue: 1, subscriptions: 1 })
      expect(platform.stacks).toHaveLength(services.length + 1 + 3)

      const api = platform.customer()
      const body = {
        currency: 'EUR',
        lines: [{ sku: 'TEA-001', quantity: 1 }],
        ...(await references(api)),
      }
      const placed = await api.send<{ orderId: string }>('POST', '/v1/orders', { key: 'loyal', body })
      expect(await platform.followed(api, placed.body.orderId, 90_000)).toMatchObject({ status: 'completed' })
      expect(platform.cloud.counters()['pubsub.messages.published.account.checked']).toBe(1)
      const project = `http://${platform.running.apiHost}/v1/projects/millrace-local`
      const note = 'databases/loyalty/documents/notes'
      const paths = [
        `${note}/first`,
        `${note}/other`,
        'parameters/one',
        'databases/loyalty/userCreds',
        'databases/other/userCreds',
      ]
      const statuses = await Promise.all(paths.map(async (path) => (await fetch(`${project}/${path}`)).status))
      expect(statuses).toEqual([200, 404, 404, 200, 404])
      for (const subscription of ['loyalty.order.completed', 'catalog.points.spent', 'orders.points.spent'])
        await expect
          .poll(
            () =>
              platform.cloud
                .requestLog()
                .some(
                  ({ kind, resource, status }) => kind === 'push' && resource.endsWith(subscription) && status === 204,
                ),
            { timeout: 15_000 },
          )
          .toBe(true)
    } finally {
      await platform.close()
    }
  },
)

it('the new environment has the stacks of every service', { timeout: 60_000 }, () => {
  expect(copy.runOwn('stacks/main.ts')).toMatchObject({ code: 0 })
  const stacks = JSON.parse(copy.read('cdktf.out/manifest.json')) as { stacks: Record<string, unknown> }
  const names = (environment: string): string[] =>
    Object.keys(stacks.stacks)
      .filter((name) => name.startsWith(`${environment}-`))
      .map((name) => name.slice(environment.length))
  expect(names('qa')).toEqual(names('dev'))
  expect(names('qa')).toContain('-loyalty')
})
