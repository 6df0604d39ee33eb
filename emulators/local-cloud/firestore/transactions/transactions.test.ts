import { expect, test } from 'vitest'
import {
  DATABASE,
  ROOT,
  type FakeCloud,
  cloudWithDatabase,
  commit,
  get,
  int,
  owner,
  queryIds,
  set,
} from '../fake-cloud.testing.ts'

const begin = async (cloud: FakeCloud, options: object = {}): Promise<Buffer> =>
  (await cloud.call('beginTransaction', { database: DATABASE, options })).transaction

const commitIn = (cloud: FakeCloud, transaction: Buffer, ...writes: object[]): Promise<unknown> =>
  cloud.call('commit', { database: DATABASE, transaction, writes })

const numberIn = (document: { fields: Record<string, Record<string, unknown>> }): number =>
  Number(document.fields['n']?.['integerValue'])

/** Retries after an abort as Google's client does, with the age of the first attempt. */
async function retried(cloud: FakeCloud, run: (transaction: Buffer) => Promise<unknown>): Promise<number> {
  let retryTransaction: Buffer | undefined
  for (let attempt = 1; ; attempt++) {
    const transaction = await begin(cloud, { readWrite: retryTransaction ? { retryTransaction } : {} })
    try {
      await run(transaction)
      return attempt
    } catch (error) {
      if ((error as { code?: string }).code !== 'ABORTED' || attempt === 20) throw error
      retryTransaction = transaction
    }
  }
}

const increment =
  (cloud: FakeCloud, ...paths: string[]) =>
  async (transaction: Buffer): Promise<void> => {
    const values: number[] = []
    for (const path of paths) values.push(numberIn(await get(cloud, path, { transaction })))
    await commitIn(cloud, transaction, ...paths.map((path, at) => set(path, { n: int((values[at] as number) + 1) })))
  }

test.each(['PESSIMISTIC', 'OPTIMISTIC'])(
  'none of a hundred concurrent increments is lost in mode %s',
  async (concurrencyMode) => {
    const cloud = await cloudWithDatabase({}, { concurrencyMode })
    await commit(cloud, set('c/1', { n: int(0) }))
    if (concurrencyMode === 'PESSIMISTIC') {
      const attempts = await Promise.all(Array.from({ length: 100 }, () => retried(cloud, increment(cloud, 'c/1'))))
      expect(Math.max(...attempts)).toBe(1)
      expect(numberIn(await get(cloud, 'c/1'))).toBe(100)
      return
    }
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, () => begin(cloud).then(increment(cloud, 'c/1'))),
    )
    const done = outcomes.filter(({ status }) => status === 'fulfilled').length
    expect(done).toBeGreaterThan(0)
    expect(numberIn(await get(cloud, 'c/1'))).toBe(done)
  },
)

test('transactions that lock in opposed orders neither hang nor lose a write', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('c/1', { n: int(0) }), set('c/2', { n: int(0) }), set('c/3', { n: int(0) }))
  const orders = [
    ['c/1', 'c/2', 'c/3'],
    ['c/3', 'c/2', 'c/1'],
    ['c/2', 'c/3', 'c/1'],
  ]
  await Promise.all(
    Array.from({ length: 30 }, (_, at) => retried(cloud, increment(cloud, ...(orders[at % 3] as string[])))),
  )
  for (const path of ['c/1', 'c/2', 'c/3']) expect(numberIn(await get(cloud, path))).toBe(30)
})

test('a deadlock aborts the younger transaction, and the older one commits', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('c/1', { n: int(0) }), set('c/2', { n: int(0) }))
  const older = await begin(cloud)
  const younger = await begin(cloud)
  await get(cloud, 'c/1', { transaction: older })
  await get(cloud, 'c/2', { transaction: younger })
  const waiting = get(cloud, 'c/2', { transaction: older })
  await expect(get(cloud, 'c/1', { transaction: younger })).rejects.toMatchObject({ code: 'ABORTED' })
  await waiting
  await expect(commitIn(cloud, younger)).rejects.toMatchObject({ code: 'ABORTED' })
  await commitIn(cloud, older, set('c/1', { n: int(1) }))
})

test('a write outside transactions waits for the transaction that read the document', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('c/1', { n: int(1) }))
  const transaction = await begin(cloud)
  await get(cloud, 'c/1', { transaction })
  const outside = commit(cloud, set('c/1', { n: int(100) }))
  await cloud.clock.settle()
  expect(numberIn(await get(cloud, 'c/1'))).toBe(1)
  await commitIn(cloud, transaction, set('c/1', { n: int(2) }))
  await outside
  expect(numberIn(await get(cloud, 'c/1'))).toBe(100)
})

test('a missing document that was read is locked', async () => {
  const cloud = await cloudWithDatabase()
  const [first] = await cloud.stream('batchGetDocuments', {
    database: DATABASE,
    documents: [`${ROOT}/c/new`],
    newTransaction: {},
  })
  const outside = commit(cloud, set('c/new', {}, { currentDocument: { exists: false } }))
  await commitIn(cloud, first.transaction, set('c/new', { n: int(1) }))
  await expect(outside).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
})

test('a write that waits for a lock ends by its timeout or when the client disconnects', async () => {
  const cloud = await cloudWithDatabase()
  const transaction = await begin(cloud)
  await get(cloud, 'c/1', { transaction }).catch(() => undefined)
  const late = expect(commit(cloud, set('c/1', {}))).rejects.toMatchObject({
    code: 'ABORTED',
    message: 'Transaction lock timeout.',
  })
  await cloud.clock.advance(20_000)
  await late
  const caller = new AbortController()
  const gone = cloud.call('commit', { database: DATABASE, writes: [set('c/1', {})] }, owner(caller.signal))
  caller.abort()
  await expect(gone).rejects.toMatchObject({ code: 'CANCELLED' })
})

test('a transaction ends after 60 s without a request, and after 270 s in any case', async () => {
  const cloud = await cloudWithDatabase()
  const idle = await begin(cloud)
  const busy = await begin(cloud)
  for (let seconds = 0; seconds < 260; seconds += 50) {
    await cloud.stream('batchGetDocuments', { database: DATABASE, documents: [`${ROOT}/c/busy`], transaction: busy })
    await cloud.clock.advance(50_000)
    if (seconds > 0)
      await expect(commitIn(cloud, idle)).rejects.toThrow(
        'The referenced transaction has expired or is no longer valid.',
      )
  }
  await expect(commitIn(cloud, busy)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await commit(cloud, set('c/busy', {}))
})

test('a new document that matches a query of the transaction aborts its commit', async () => {
  const cloud = await cloudWithDatabase()
  const transaction = await begin(cloud)
  expect(await queryIds(cloud, { from: [{ collectionId: 'c' }] }, { transaction })).toEqual([])
  await commit(cloud, set('c/new', {}))
  await expect(commitIn(cloud, transaction, set('other/1', {}))).rejects.toMatchObject({ code: 'ABORTED' })
  const second = await begin(cloud)
  expect(await queryIds(cloud, { from: [{ collectionId: 'c' }] }, { transaction: second })).toEqual(['new'])
  await commit(cloud, set('elsewhere/1', {}))
  await commitIn(cloud, second, set('c/new2', {}))
})

test('the result of a query in a transaction is locked', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('c/1', { n: int(1) }))
  const transaction = await begin(cloud)
  await queryIds(cloud, { from: [{ collectionId: 'c' }] }, { transaction })
  const outside = commit(cloud, { delete: `${ROOT}/c/1` })
  await commitIn(cloud, transaction, set('c/1', { n: int(2) }))
  await outside
  await expect(get(cloud, 'c/1')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('a read-only transaction sees one moment, without locks', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('c/1', { n: int(1) }))
  const transaction = await begin(cloud, { readOnly: {} })
  await commit(cloud, set('c/1', { n: int(2) }), set('c/2', { n: int(2) }))
  expect(numberIn(await get(cloud, 'c/1', { transaction }))).toBe(1)
  expect(await queryIds(cloud, { from: [{ collectionId: 'c' }] }, { transaction })).toEqual(['1'])
  await expect(commitIn(cloud, transaction, set('c/1', {}))).rejects.toThrow(
    'Cannot modify entities in a read-only transaction.',
  )
})

test('a read time within the past hour is served, an older or future one is refused', async () => {
  const cloud = await cloudWithDatabase()
  const { commitTime } = await commit(cloud, set('c/1', { n: int(1) }))
  await cloud.clock.advance(60_000)
  await commit(cloud, { delete: `${ROOT}/c/1` }, set('c/2', {}))
  expect(numberIn(await get(cloud, 'c/1', { readTime: commitTime }))).toBe(1)
  expect(await queryIds(cloud, { from: [{ collectionId: 'c' }] }, { readTime: commitTime })).toEqual(['1'])
  await cloud.clock.advance(3_600_000)
  await expect(get(cloud, 'c/1', { readTime: commitTime })).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
  const later = { seconds: String(Number(commitTime.seconds) + 10_000), nanos: 0 }
  await expect(get(cloud, 'c/1', { readTime: later })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('a failed commit ends its transaction, and a rollback frees its documents', async () => {
  const cloud = await cloudWithDatabase()
  const transaction = await begin(cloud)
  const impossible = set('c/1', {}, { currentDocument: { exists: true } })
  await expect(commitIn(cloud, transaction, impossible)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(commitIn(cloud, transaction)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  const other = await begin(cloud)
  await get(cloud, 'c/1', { transaction: other }).catch(() => undefined)
  await cloud.call('rollback', { database: DATABASE, transaction: other })
  await commit(cloud, set('c/1', {}))
})
