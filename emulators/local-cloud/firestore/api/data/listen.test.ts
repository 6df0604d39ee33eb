import { expect, test } from 'vitest'
import type { GrpcService } from '../../../core/service.ts'
import { DATABASE, ROOT, type FakeCloud, cloudWithDatabase, commit, int, owner, set } from '../../fake-cloud.testing.ts'
import { services } from '../../services.ts'

const filter = { fieldFilter: { field: { fieldPath: 'n' }, op: 'GREATER_THAN', value: int(0) } }
const query = (more: object = {}): object => ({
  query: { parent: ROOT, structuredQuery: { from: [{ collectionId: 'c' }], ...more } },
})

/** A stream whose responses are abbreviated: `+id` changed, `-id` out of the result, `xid` deleted, or the target change. */
function open(cloud: FakeCloud) {
  const [data] = services(cloud.core) as [GrpcService]
  const caller = new AbortController()
  const waiting: object[] = []
  let wake = (): void => undefined
  async function* requests(): AsyncIterable<object> {
    for (;;) {
      for (const one of waiting.splice(0)) yield one
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  let pending: string[] = []
  let token: Buffer | undefined
  // oxlint-disable-next-line typescript/no-explicit-any
  const write = (response: any): void => {
    const { targetChange, documentChange, documentRemove, documentDelete } = response
    const id = (name: string): string => name.split('/').at(-1) as string
    if (documentChange) pending.push(`+${id(documentChange.document.name)}`)
    if (documentRemove) pending.push(`-${id(documentRemove.document)}`)
    if (documentDelete) pending.push(`x${id(documentDelete.document)}`)
    if (response.filter) pending.push(`count ${response.filter.count}`)
    if (targetChange)
      pending.push(
        `${targetChange.targetChangeType} ${targetChange.targetIds}${targetChange.cause ? ` ${targetChange.cause.code}` : ''}`,
      )
    token = targetChange?.resumeToken ?? token
  }
  const ended = data.streaming!['listen']!(requests(), write, owner(caller.signal))
  return {
    send(request: object): void {
      waiting.push({ database: DATABASE, ...request })
      wake()
    },
    async received(): Promise<string[]> {
      await cloud.clock.settle()
      const result = pending
      pending = []
      return result
    },
    token: () => token,
    async close(): Promise<void> {
      caller.abort()
      await ended
    },
  }
}

test('a query target receives the present result, then each commit that changes it', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('c/1', { n: int(1) }), set('c/0', { n: int(0) }))
  const stream = open(cloud)
  stream.send({ addTarget: { targetId: 7, ...query({ where: filter }) } })
  expect(await stream.received()).toEqual(['ADD 7', '+1', 'CURRENT 7', 'NO_CHANGE '])
  await commit(cloud, set('c/3', { n: int(3) }), set('c/2', { n: int(2) }), set('elsewhere/1', {}))
  expect(await stream.received()).toEqual(['+2', '+3', 'NO_CHANGE '])
  await commit(cloud, set('c/1', { n: int(0) }), { delete: `${ROOT}/c/2` }, set('c/3', { n: int(4) }))
  expect(await stream.received()).toEqual(['-1', 'x2', '+3', 'NO_CHANGE '])
  await commit(cloud, set('c/0', { n: int(-1) }))
  expect(await stream.received()).toEqual([])
  stream.send({ removeTarget: 7 })
  expect(await stream.received()).toEqual(['REMOVE 7'])
  await commit(cloud, set('c/3', { n: int(5) }))
  expect(await stream.received()).toEqual([])
  await stream.close()
})

test('a limited query replaces a document that left its result', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('c/1', {}), set('c/2', {}), set('c/3', {}))
  const stream = open(cloud)
  stream.send({ addTarget: { targetId: 1, ...query({ limit: { value: 2 } }) } })
  expect(await stream.received()).toEqual(['ADD 1', '+1', '+2', 'CURRENT 1', 'NO_CHANGE '])
  await commit(cloud, { delete: `${ROOT}/c/1` })
  expect(await stream.received()).toEqual(['x1', '+3', 'NO_CHANGE '])
  await commit(cloud, set('c/0', {}))
  expect(await stream.received()).toEqual(['-3', '+0', 'NO_CHANGE '])
  await stream.close()
})

test('a document target receives the deletion of a missing document', async () => {
  const cloud = await cloudWithDatabase()
  const stream = open(cloud)
  stream.send({ addTarget: { targetId: 1, documents: { documents: [`${ROOT}/c/1`] } } })
  expect(await stream.received()).toEqual(['ADD 1', 'x1', 'CURRENT 1', 'NO_CHANGE '])
  await commit(cloud, set('c/1', {}))
  expect(await stream.received()).toEqual(['+1', 'NO_CHANGE '])
  await stream.close()
})

test('a resumed target receives only the changes since its resume token', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('c/1', {}), set('c/2', {}), set('c/3', {}))
  const first = open(cloud)
  first.send({ addTarget: { targetId: 1, ...query() } })
  await first.received()
  await first.close()
  await commit(cloud, { delete: `${ROOT}/c/1` }, set('c/2', { n: int(1) }))
  const second = open(cloud)
  second.send({ addTarget: { targetId: 1, resumeToken: first.token(), ...query() } })
  expect(await second.received()).toEqual(['ADD 1', 'x1', '+2', 'count 2', 'CURRENT 1', 'NO_CHANGE '])
  await second.close()
})

test('an invalid target is removed with its cause, and the others continue', async () => {
  const cloud = await cloudWithDatabase()
  const stream = open(cloud)
  const orderBy = ['a', 'b'].map((fieldPath) => ({ field: { fieldPath }, direction: 'ASCENDING' }))
  stream.send({ addTarget: { targetId: 1, ...query({ orderBy }) } })
  stream.send({ addTarget: { targetId: 2, ...query() } })
  expect(await stream.received()).toEqual(['REMOVE 1 9', 'ADD 2', 'CURRENT 2', 'NO_CHANGE '])
  await stream.close()
})
