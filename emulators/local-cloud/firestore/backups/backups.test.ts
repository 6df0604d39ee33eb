import { expect, test } from 'vitest'
import {
  DATABASE,
  cloudWithDatabase,
  commit,
  type FakeCloud,
  get,
  int,
  queryIds,
  set,
  text,
} from '../fake-cloud.testing.ts'
import { protoTime } from '../../core/proto-values.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const RESTORED = 'projects/p/databases/restored'

const schedule = (cloud: FakeCloud, recurrence: object, days: number): Promise<{ name: string }> =>
  cloud.admin('createBackupSchedule', {
    parent: DATABASE,
    backupSchedule: { retention: protoTime(days * DAY_MS), ...recurrence },
  })
const daily = { dailyRecurrence: {} }
const weekly = { weeklyRecurrence: { day: 'SUNDAY' } }

interface Backup {
  readonly name: string
  readonly snapshotTime: { readonly seconds: string }
  readonly expireTime: { readonly seconds: string }
  readonly stats: { readonly documentCount: string; readonly indexCount: string }
}
const list = async (cloud: FakeCloud, location = '-'): Promise<Backup[]> =>
  (await cloud.admin('listBackups', { parent: `projects/p/locations/${location}` })).backups
const at = ({ seconds }: { readonly seconds: string }): string => new Date(Number(seconds) * 1000).toISOString()

const restore = (cloud: FakeCloud, backup: string, databaseId = 'restored') =>
  cloud.admin('restoreDatabase', { parent: 'projects/p', databaseId, backup })
const restored = (cloud: FakeCloud, structuredQuery: object): Promise<string[]> =>
  queryIds(cloud, structuredQuery, { parent: `${RESTORED}/documents` })

// The virtual clock begins on a Thursday, the first of January 2026.
test('a daily and a weekly schedule take backups when they are due, and each is kept as long as its schedule says', async () => {
  const cloud = await cloudWithDatabase()
  await schedule(cloud, daily, 2)
  await schedule(cloud, weekly, 9)
  await commit(cloud, set('a/1', {}))
  expect(await list(cloud)).toEqual([])
  await cloud.clock.advance(4 * DAY_MS)
  const taken = (await list(cloud)).map((backup) => `${at(backup.snapshotTime)} ${at(backup.expireTime)}`)
  const day = (number: number): string => `2026-01-${String(number).padStart(2, '0')}T00:00:00.000Z`
  // The daily ones of the 2nd and 3rd are over.
  expect(taken.toSorted()).toEqual([`${day(4)} ${day(6)}`, `${day(4)} ${day(13)}`, `${day(5)} ${day(7)}`])
  expect(await list(cloud, 'eur3')).toHaveLength(3)
  expect(await list(cloud, 'nam5')).toEqual([])
})

test('a backup that was due while the process did not run is taken at the next start, once', async () => {
  const cloud = await cloudWithDatabase({ onDisk: true })
  await schedule(cloud, daily, 7)
  await commit(cloud, set('a/1', {}))
  cloud.journal.flush()
  cloud.core.close()
  await cloud.clock.advance(3 * DAY_MS)
  const next = cloud.killed()
  next.core.backups.start()
  await next.clock.settle()
  const [backup, ...others] = await list(next)
  expect(others).toEqual([])
  expect(backup!.stats).toMatchObject({ documentCount: '1' })
})

test('a restored database has the documents and indexes of the backup, without what was written later, protection or TTL', async () => {
  const cloud = await cloudWithDatabase({ onDisk: true }, { deleteProtectionState: 'DELETE_PROTECTION_ENABLED' })
  const group = `${DATABASE}/collectionGroups/a`
  const fields = ['city', 'year'].map((fieldPath) => ({ fieldPath, order: 'ASCENDING' }))
  await cloud.admin('createIndex', { parent: group, index: { queryScope: 'COLLECTION', fields } })
  await cloud.admin('updateField', { field: { name: `${group}/fields/note`, indexConfig: {} } })
  await cloud.admin('updateField', { field: { name: `${group}/fields/gone`, ttlConfig: {} } })
  await commit(cloud, set('a/1', { city: text('Bonn'), year: int(1) }), set('a/1/b/2', { deep: text('x') }))
  const before = await get(cloud, 'a/1')
  await schedule(cloud, daily, 7)
  await cloud.clock.advance(DAY_MS)
  await commit(cloud, set('a/1', { city: text('Rome') }), set('a/3', {}), {
    delete: `${DATABASE}/documents/a/1/b/2`,
  })
  const [backup] = await list(cloud)
  expect(backup!.stats).toMatchObject({ documentCount: '2', indexCount: '1' })
  expect(await restore(cloud, backup!.name)).toMatchObject({
    done: true,
    response: { name: RESTORED, locationId: 'eur3', deleteProtectionState: 'DELETE_PROTECTION_DISABLED' },
  })
  cloud.journal.flush()
  const after = cloud.killed()
  for (const one of [cloud, after]) {
    expect(await one.call('getDocument', { name: `${RESTORED}/documents/a/1` })).toMatchObject({
      fields: before.fields,
      createTime: before.createTime,
      updateTime: before.updateTime,
    })
    expect(await restored(one, { from: [{ collectionId: 'a' }] })).toEqual(['1'])
    expect(await restored(one, { from: [{ collectionId: 'b', allDescendants: true }] })).toEqual(['2'])
    // The composite index answers; the exempted field is refused; the documents of the source are as they were.
    const orderBy = ['city', 'year'].map((fieldPath) => ({ field: { fieldPath } }))
    expect(await restored(one, { from: [{ collectionId: 'a' }], orderBy })).toEqual(['1'])
    const exempted = [{ field: { fieldPath: 'note' } }]
    await expect(restored(one, { from: [{ collectionId: 'a' }], orderBy: exempted })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
    })
    expect(await queryIds(one, { from: [{ collectionId: 'a' }] })).toEqual(['1', '3'])
    const { fields: overridden } = await one.admin('listFields', {
      parent: `${RESTORED}/collectionGroups/-`,
      filter: 'ttlConfig:*',
    })
    expect(overridden).toEqual([])
  }
})

test('a backup outlives its database, and is restored under its name', async () => {
  const cloud = await cloudWithDatabase()
  await schedule(cloud, daily, 7)
  await commit(cloud, set('a/1', {}))
  await cloud.clock.advance(DAY_MS)
  await cloud.admin('deleteDatabase', { name: DATABASE })
  const [backup] = await list(cloud)
  await restore(cloud, backup!.name, 'orders')
  expect(await queryIds(cloud, { from: [{ collectionId: 'a' }] })).toEqual(['1'])
  // Its schedules went with the database.
  expect((await cloud.admin('listBackupSchedules', { parent: DATABASE })).backupSchedules).toEqual([])
  await cloud.admin('deleteBackup', { name: backup!.name })
  await expect(cloud.admin('getBackup', { name: backup!.name })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('a clone has the documents of a whole minute of the last hour', async () => {
  const cloud = await cloudWithDatabase()
  await commit(cloud, set('a/1', {}))
  await cloud.clock.advance(60_000)
  const snapshotTime = protoTime(cloud.clock.now())
  await cloud.clock.advance(30_000)
  await commit(cloud, set('a/2', {}), { delete: `${DATABASE}/documents/a/1` })
  const clone = (time: object) =>
    cloud.admin('cloneDatabase', {
      parent: 'projects/p',
      databaseId: 'restored',
      pitrSnapshot: { database: DATABASE, snapshotTime: time },
    })
  await expect(clone(protoTime(cloud.clock.now()))).rejects.toThrow('is not a whole minute')
  await expect(clone(protoTime(cloud.clock.now() - 30_000 - 2 * HOUR_MS))).rejects.toThrow('too old')
  await clone(snapshotTime)
  expect(await restored(cloud, { from: [{ collectionId: 'a' }] })).toEqual(['1'])
})

test.each([
  ['a second daily schedule', daily, 7, 'already has a daily backup schedule'],
  ['no recurrence', {}, 7, 'either a daily_recurrence or a weekly_recurrence'],
  ['an unknown day', { weeklyRecurrence: { day: 'DAY_OF_WEEK_UNSPECIFIED' } }, 7, 'DAY_OF_WEEK_UNSPECIFIED'],
  ['15 weeks', weekly, 105, '9072000s'],
  ['no retention', weekly, 0, '0s'],
])('%s is refused', async (_, recurrence, days, message) => {
  const cloud = await cloudWithDatabase()
  await schedule(cloud, daily, 7)
  await expect(schedule(cloud, recurrence, days)).rejects.toThrow(message)
})

test('a restore is refused for a name that is taken, an unknown backup, and keys', async () => {
  const cloud = await cloudWithDatabase()
  await schedule(cloud, daily, 7)
  await cloud.clock.advance(DAY_MS)
  const [backup] = await list(cloud)
  await expect(restore(cloud, backup!.name, 'orders')).rejects.toMatchObject({ code: 'ALREADY_EXISTS' })
  await expect(restore(cloud, `${backup!.name}0`)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(restore(cloud, 'today')).rejects.toThrow('projects/{project}/locations/{location}/backups/{backup}')
  const encryptionConfig = { otherEncryption: { kmsKeyName: 'k' } }
  const request = { parent: 'projects/p', databaseId: 'restored', backup: backup!.name, encryptionConfig }
  await expect(cloud.admin('restoreDatabase', request)).rejects.toThrow('leave out encryption_config')
})
