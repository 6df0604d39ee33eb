import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openJournal } from '../../../core/journal.ts'
import {
  DATABASE,
  ROOT,
  cloudWithDatabase,
  commit,
  fakeCloud,
  get,
  int,
  queryIds,
  set,
} from '../../fake-cloud.testing.ts'
import { createStore } from '../../documents/store.ts'

const create = (databaseId: string, database: object = { locationId: 'eur3' }): object => ({
  parent: 'projects/p',
  databaseId,
  database,
})

test.each(['abc', 'Orders', '1orders', 'orders-', 'x'.repeat(64), 'f47ac10b-58cc-4372-a567-0e02b2c3d479'])(
  'the id %s is refused',
  async (id) => {
    await expect(fakeCloud().admin('createDatabase', create(id))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(id),
    })
  },
)

test("a database is created with Google's defaults, listed, changed and deleted", async () => {
  const cloud = fakeCloud()
  const made = await cloud.admin('createDatabase', create('(default)'))
  expect(made).toMatchObject({
    done: true,
    response: { name: 'projects/p/databases/(default)', type: 'FIRESTORE_NATIVE', concurrencyMode: 'PESSIMISTIC' },
  })
  await expect(cloud.admin('createDatabase', create('(default)'))).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  const name = 'projects/p/databases/(default)'
  const database = {
    name,
    deleteProtectionState: 'DELETE_PROTECTION_ENABLED',
    concurrencyMode: 'CONCURRENCY_MODE_UNSPECIFIED',
  }
  await cloud.admin('updateDatabase', { database, updateMask: { paths: ['delete_protection_state'] } })
  await expect(cloud.admin('deleteDatabase', { name })).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
  await cloud.admin('updateDatabase', { database: { name }, updateMask: { paths: ['deleteProtectionState'] } })
  expect((await cloud.admin('listDatabases', { parent: 'projects/p' })).databases).toHaveLength(1)
  await cloud.admin('deleteDatabase', { name })
  await expect(cloud.admin('getDatabase', { name })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('an unsupported setting is refused with its value', async () => {
  const unsupported = { locationId: 'eur3', databaseEdition: 'ENTERPRISE' }
  await expect(fakeCloud().admin('createDatabase', create('orders', unsupported))).rejects.toThrow(
    '"ENTERPRISE" is not supported',
  )
  await expect(fakeCloud().admin('createDatabase', create('orders', {}))).rejects.toThrow('location_id is required')
})

test("data in a database that does not exist is refused in Google's words", async () => {
  await expect(commit(fakeCloud(), set('a/1', {}))).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringMatching(
      /^The database orders does not exist for project p\. Create it in the local cloud: curl -X POST /,
    ),
  })
})

test('databases share no documents, and a recreated database is empty', async () => {
  const cloud = await cloudWithDatabase()
  await cloud.admin('createDatabase', create('payments'))
  await commit(cloud, set('a/1', {}))
  expect(
    await queryIds(cloud, { from: [{ collectionId: 'a' }] }, { parent: 'projects/p/databases/payments/documents' }),
  ).toEqual([])
  await cloud.admin('deleteDatabase', { name: DATABASE })
  await cloud.admin('createDatabase', create('orders'))
  await expect(get(cloud, 'a/1')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('acknowledged writes survive a kill of the process', async () => {
  const cloud = await cloudWithDatabase({ onDisk: true })
  const fields = {
    n: int('9223372036854775807'),
    d: { doubleValue: -Infinity },
    m: { mapValue: { fields: { b: { bytesValue: Buffer.from([0, 255]) } } } },
  }
  const { commitTime } = await commit(cloud, set('a/1', fields), set('a/2', {}), set('a/1/b/c', {}))
  await commit(cloud, { delete: `${ROOT}/a/2` })
  const index = {
    queryScope: 'COLLECTION',
    fields: [
      { fieldPath: 'x', order: 'ASCENDING' },
      { fieldPath: 'y', order: 'ASCENDING' },
    ],
  }
  await cloud.admin('createIndex', { parent: `${DATABASE}/collectionGroups/a`, index })
  const again = cloud.killed()
  expect(await get(again, 'a/1')).toMatchObject({ fields, updateTime: commitTime })
  expect(await queryIds(again, { from: [{ allDescendants: true }] })).toEqual(['1', 'c'])
  expect((await again.admin('listIndexes', { parent: `${DATABASE}/collectionGroups/-` })).indexes).toHaveLength(1)
  const later = await commit(again, set('a/1', {}))
  expect(later.commitTime.nanos).toBeGreaterThan(commitTime.nanos)
})

test('a kill at any byte of a commit leaves all of its documents or no document', async () => {
  const cloud = await cloudWithDatabase({ onDisk: true })
  await commit(cloud, set('a/1', {}), set('a/3', {}))
  const file = join(cloud.directory!, 'journal.jsonl')
  cloud.journal.flush()
  const before = readFileSync(file).length
  await commit(cloud, set('a/1', { n: int(1) }), set('a/2', {}), { delete: `${ROOT}/a/3` })
  cloud.journal.flush()
  const written = readFileSync(file)
  const cut = mkdtempSync(join(tmpdir(), 'cut-journal-'))
  onTestFinished(() => rmSync(cut, { recursive: true }))
  expect(written.length).toBeGreaterThan(before)
  for (let bytes = before; bytes <= written.length; bytes++) {
    writeFileSync(join(cut, 'journal.jsonl'), written.subarray(0, bytes))
    const reopened = openJournal({ directory: cut })
    const store = createStore(reopened, 'p/orders', cloud.clock)
    const there = ['a/1', 'a/2', 'a/3'].filter((path) => store.get(path))
    expect(there).toEqual(bytes < written.length ? ['a/1', 'a/3'] : ['a/1', 'a/2'])
    expect(Object.keys(store.get('a/1')!.f)).toEqual(bytes < written.length ? [] : ['n'])
    reopened.close()
  }
})

test('a collection group has one TTL field', async () => {
  const cloud = await cloudWithDatabase()
  const field = (path: string): object => ({
    field: { name: `${DATABASE}/collectionGroups/a/fields/${path}`, ttlConfig: {} },
    updateMask: { paths: ['ttl_config'] },
  })
  expect((await cloud.admin('updateField', field('expires'))).response).toMatchObject({
    ttlConfig: { state: 'ACTIVE' },
  })
  await expect(cloud.admin('updateField', field('other'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  const { fields } = await cloud.admin('listFields', {
    parent: `${DATABASE}/collectionGroups/-`,
    filter: 'ttlConfig:*',
  })
  expect(fields).toHaveLength(1)
})

test('a document is deleted once its TTL field has passed, and not before', async () => {
  const cloud = await cloudWithDatabase()
  const field = { name: `${DATABASE}/collectionGroups/a/fields/expires`, ttlConfig: {} }
  const expiring = (inMs: number): object => ({
    expires: { timestampValue: { seconds: String((cloud.clock.now() + inMs) / 1000), nanos: 0 } },
  })
  await commit(cloud, set('a/soon', expiring(60_000)), set('a/late', expiring(7_200_000)), set('b/soon', expiring(0)))
  await commit(cloud, set('a/text', { expires: { stringValue: '2020-01-01' } }), set('b/1/a/deep', expiring(60_000)))
  await cloud.admin('updateField', { field, updateMask: { paths: ['ttl_config'] } })
  cloud.counts.clear()
  await cloud.clock.advance(3_600_000)
  expect(await queryIds(cloud, { from: [{ collectionId: 'a' }] })).toEqual(['late', 'text'])
  expect(cloud.counts.get('firestore.documentDeletes')).toBe(2)
  await cloud.clock.advance(3_600_000)
  expect(await queryIds(cloud, { from: [{ collectionId: 'a' }] })).toEqual(['text'])
  expect(await queryIds(cloud, { from: [{ collectionId: 'b' }] })).toEqual(['soon'])
})

test('a fault while documents expire ends only that round of deletions', async () => {
  const cloud = await cloudWithDatabase()
  const field = { name: `${DATABASE}/collectionGroups/a/fields/expires`, ttlConfig: {} }
  const expires = { timestampValue: { seconds: String(cloud.clock.now() / 1000), nanos: 0 } }
  await commit(cloud, set('a/1', { expires }))
  await cloud.admin('updateField', { field, updateMask: { paths: ['ttl_config'] } })
  const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
  const { store } = cloud.core.database({ project: 'p', database: 'orders' })
  vi.spyOn(store, 'apply').mockImplementationOnce(() => {
    throw new Error('a fault of the emulator')
  })
  onTestFinished(() => void vi.restoreAllMocks())
  await cloud.clock.advance(3_600_000)
  expect(reported.mock.calls).toEqual([
    [expect.stringContaining('Documents of a could not be expired'), new Error('a fault of the emulator')],
  ])
  await cloud.clock.advance(3_600_000)
  expect(await queryIds(cloud, { from: [{ collectionId: 'a' }] })).toEqual([])
})
