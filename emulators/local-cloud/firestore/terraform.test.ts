import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LocalCloud, createLocalCloud } from '../core/local-cloud.ts'
import type { TerraformResource } from '../core/terraform/resource.ts'
import { firestore } from './plugin.ts'

let cloud: LocalCloud
beforeEach(async () => {
  cloud = await createLocalCloud({ plugins: [firestore], project: { id: 'p', number: '1', region: 'europe-west1' } })
})
afterEach(() => cloud.close())

const resource = (type: string, attributes: object): TerraformResource => ({
  type,
  address: `${type}.x`,
  stack: 'local-orders',
  attributes: { project: 'p', ...attributes },
})
const create = (one: TerraformResource): Promise<string | void> => firestore.terraform[one.type]!.create(one, cloud.api)
const remove = (one: TerraformResource): Promise<void> => firestore.terraform[one.type]!.remove(one, cloud.api)
// oxlint-disable-next-line typescript/no-explicit-any
const read = (path: string): Promise<any> => cloud.api('GET', `/v1/projects/p/databases/orders${path}`)

const database = resource('google_firestore_database', {
  name: 'orders',
  location_id: 'eur3',
  type: 'FIRESTORE_NATIVE',
  database_edition: 'STANDARD',
  concurrency_mode: 'PESSIMISTIC',
  point_in_time_recovery_enablement: 'POINT_IN_TIME_RECOVERY_ENABLED',
  delete_protection_state: 'DELETE_PROTECTION_ENABLED',
  deletion_policy: 'DELETE',
  app_engine_integration_mode: 'DISABLED',
})
const index = resource('google_firestore_index', {
  database: 'orders',
  collection: 'streams',
  query_scope: 'COLLECTION',
  fields: [
    { field_path: 'status', order: 'ASCENDING' },
    { field_path: 'tags', array_config: 'CONTAINS' },
  ],
})
const field = resource('google_firestore_field', {
  database: 'projects/p/databases/orders',
  collection: 'streams',
  field: 'events',
  index_config: {},
  ttl_config: {},
})

test('a database, an index and a field are created, and provisioned again without a change', async () => {
  for (let start = 0; start < 2; start++) for (const one of [database, index, field]) await create(one)
  expect(await read('')).toMatchObject({
    name: 'projects/p/databases/orders',
    locationId: 'eur3',
    databaseEdition: 'STANDARD',
    deleteProtectionState: 'DELETE_PROTECTION_ENABLED',
    versionRetentionPeriod: '604800s',
    createTime: expect.stringMatching(/Z$/),
  })
  expect((await read('/collectionGroups/streams/indexes')).indexes).toEqual([
    expect.objectContaining({
      queryScope: 'COLLECTION',
      state: 'READY',
      fields: [
        { fieldPath: 'status', order: 'ASCENDING' },
        { fieldPath: 'tags', arrayConfig: 'CONTAINS' },
        { fieldPath: '__name__', order: 'ASCENDING' },
      ],
    }),
  ])
  const made = await read('/collectionGroups/streams/fields/events')
  expect(made.indexConfig.indexes ?? []).toEqual([])
  expect(made).toMatchObject({ ttlConfig: { state: 'ACTIVE' } })
})

test('a changed attribute is applied at the next start, a changed location is refused', async () => {
  await create(database)
  await create(
    resource(database.type, {
      name: 'orders',
      location_id: 'eur3',
      delete_protection_state: 'DELETE_PROTECTION_DISABLED',
    }),
  )
  expect(await read('')).toMatchObject({ deleteProtectionState: 'DELETE_PROTECTION_DISABLED' })
  await expect(create(resource(database.type, { name: 'orders', location_id: 'nam5' }))).rejects.toThrow(
    'exists in eur3, not in nam5',
  )
})

test('database and index are deleted, and the field gets its default again', async () => {
  for (const one of [database, index, field]) await create(one)
  await remove(field)
  expect((await read('/collectionGroups/streams/fields/events')).indexConfig.indexes).toHaveLength(3)
  await remove(index)
  expect((await read('/collectionGroups/streams/indexes')).indexes ?? []).toEqual([])
  await remove(database)
  await expect(read('')).rejects.toMatchObject({ httpStatus: 404 })
  await create(database)
})

test('a vector index is created and removed, and all fields of a collection are exempted', async () => {
  const vector = resource(index.type, {
    ...index.attributes,
    fields: [
      { field_path: 'status', order: 'ASCENDING' },
      { field_path: 'embedding', vector_config: { dimension: 3, flat: {} } },
    ],
  })
  const all = resource(field.type, { database: 'orders', collection: 'streams', field: '*', index_config: {} })
  for (let start = 0; start < 2; start++) for (const one of [database, vector, all]) await create(one)
  expect((await read('/collectionGroups/streams/indexes')).indexes).toEqual([
    expect.objectContaining({
      fields: [
        { fieldPath: 'status', order: 'ASCENDING' },
        { fieldPath: '__name__', order: 'ASCENDING' },
        { fieldPath: 'embedding', vectorConfig: { dimension: 3, flat: {} } },
      ],
    }),
  ])
  expect((await read('/collectionGroups/streams/fields/any')).indexConfig).toMatchObject({
    usesAncestorConfig: true,
    ancestorField: 'projects/p/databases/orders/collectionGroups/streams/fields/*',
  })
  await remove(vector)
  await remove(all)
  expect((await read('/collectionGroups/streams/indexes')).indexes ?? []).toEqual([])
  expect((await read('/collectionGroups/streams/fields/any')).indexConfig.indexes).toHaveLength(3)
})

test('a field keeps only the single order of its index_config', async () => {
  await create(database)
  await create(
    resource(field.type, {
      database: 'orders',
      collection: 'streams',
      field: 'at',
      index_config: [{ indexes: [{ order: 'DESCENDING' }] }],
    }),
  )
  expect((await read('/collectionGroups/streams/fields/at')).indexConfig.indexes).toEqual([
    expect.objectContaining({ queryScope: 'COLLECTION', fields: [{ fieldPath: 'at', order: 'DESCENDING' }] }),
  ])
})

test.each([
  [
    'an unknown attribute',
    resource(database.type, { name: 'orders', location_id: 'eur3', cmek_config: {} }),
    'cmek_config',
  ],
  [
    'an unknown attribute of a field of an index',
    resource(index.type, { ...index.attributes, fields: [{ field_path: 'a', search_config: {} }] }),
    'search_config',
  ],
  [
    'a name that Google refuses',
    resource(database.type, { name: 'Orders', location_id: 'eur3' }),
    'Invalid database_id "Orders"',
  ],
  [
    'an index in a database that does not exist',
    resource(index.type, { ...index.attributes, database: 'none' }),
    'The database none does not exist',
  ],
])('%s stops the start', async (_, one, message) => {
  await expect(create(one)).rejects.toThrow(message)
})

test('schedules of backups are created once, take a new retention, and are removed', async () => {
  const daily = (retention: string) =>
    resource('google_firestore_backup_schedule', { database: 'orders', retention, daily_recurrence: {} })
  const weekly = resource('google_firestore_backup_schedule', {
    database: 'orders',
    retention: '1209600s',
    weekly_recurrence: { day: 'SUNDAY' },
  })
  await create(database)
  for (const one of [daily('86400s'), weekly, daily('604800s'), weekly]) await create(one)
  expect((await read('/backupSchedules')).backupSchedules).toMatchObject([
    { retention: '604800s', dailyRecurrence: {} },
    { retention: '1209600s', weeklyRecurrence: { day: 'SUNDAY' } },
  ])
  await remove(daily('604800s'))
  expect((await read('/backupSchedules')).backupSchedules).toMatchObject([{ weeklyRecurrence: { day: 'SUNDAY' } }])
})
