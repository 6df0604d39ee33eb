/** Provisions google_firestore_database, _index, _field and _backup_schedule through the public REST API, as Terraform would. */

import { type Attributes, attributesOf, defined, type Message, readAttributes } from '../core/terraform/attributes.ts'
import type { OwnerApi, Provisioner } from '../core/terraform/provisioner.ts'
import type { TerraformResource } from '../core/terraform/resource.ts'
import { upsert } from '../core/terraform/upsert.ts'

/** The attributes that PATCH can change; for the others Terraform replaces the database. */
const DATABASE_MUTABLE = [
  'concurrencyMode',
  'pointInTimeRecoveryEnablement',
  'appEngineIntegrationMode',
  'deleteProtectionState',
]

export const databaseProvisioner: Provisioner = {
  async create(resource, api) {
    const { project, id, database } = readAttributes(resource, (attributes) => ({
      project: attributes.project(),
      id: attributes.shortName('name'),
      database: databaseOf(attributes),
    }))
    const path = `/v1/projects/${project}/databases/${id}`
    await upsert(
      () => api('POST', `/v1/projects/${project}/databases?databaseId=${encodeURIComponent(id)}`, database),
      async () => {
        const { locationId } = (await api('GET', path)) as Message
        if (database['locationId'] !== locationId) {
          throw new Error(
            `Database ${id} exists in ${locationId}, not in ${database['locationId']}: delete it first, which loses its documents.`,
          )
        }
        const changes = Object.fromEntries(
          Object.entries(database).filter(([field]) => DATABASE_MUTABLE.includes(field)),
        )
        const mask = Object.keys(changes).join(',')
        if (mask) await api('PATCH', `${path}?updateMask=${mask}`, changes)
      },
    )
  },
  async remove(resource, api) {
    const path = `/v1/${databaseName(attributesOf(resource), 'name')}`
    await api('PATCH', `${path}?updateMask=deleteProtectionState`, {
      deleteProtectionState: 'DELETE_PROTECTION_DISABLED',
    })
    await api('DELETE', path)
  },
  holdsData: () => true,
  computed: (database) => ({ id: databaseName(database, 'name') }),
}

function databaseOf(database: Attributes): Message {
  // It controls Terraform's destroy alone; no API has it.
  database.ignore('deletion_policy')
  return defined({
    ...database.alike({
      text: [
        'location_id',
        'type',
        'database_edition',
        'concurrency_mode',
        'point_in_time_recovery_enablement',
        'app_engine_integration_mode',
        'delete_protection_state',
      ],
    }),
  })
}

export const indexProvisioner: Provisioner = {
  async create(resource, api) {
    const { group, index } = readAttributes(resource, indexOf)
    await upsert(
      () => api('POST', `/v1/${group}/indexes`, index),
      () => Promise.resolve(),
    )
  },
  async remove(resource, api) {
    const { group, index } = readAttributes(resource, indexOf)
    const wanted = JSON.stringify(comparable(index))
    const { indexes = [] } = (await api('GET', `/v1/${group}/indexes`)) as { indexes?: Index[] }
    const found = indexes.find((one) => JSON.stringify(comparable(one)) === wanted)
    if (!found?.name) throw new Error(`${resource.address} has no such index to remove.`)
    await api('DELETE', `/v1/${found.name}`)
  },
}

interface Index {
  readonly name?: string
  readonly queryScope: string
  readonly fields: readonly Message[]
}

function indexOf(attributes: Attributes): { group: string; index: Index } {
  const apiScope = attributes.text('api_scope')
  const fields = attributes.blocks('fields', (field) => ({
    ...field.alike({ text: ['field_path', 'order', 'array_config'] }),
    vectorConfig: field.block('vector_config', (vector) => ({
      dimension: vector.number('dimension'),
      flat: vector.block('flat', () => ({})),
    })),
  }))
  return {
    group: groupName(attributes),
    index: {
      queryScope: attributes.text('query_scope') ?? 'COLLECTION',
      ...(apiScope && { apiScope }),
      fields: fields ?? [],
    },
  }
}

/** An index without the name that the service adds at its end. */
const comparable = ({ queryScope, fields }: Index): unknown => [
  queryScope,
  fields
    .filter(({ fieldPath }) => fieldPath !== '__name__')
    .map(({ fieldPath, order, arrayConfig, vectorConfig }) => [
      fieldPath,
      order || arrayConfig || (vectorConfig as Message | undefined)?.['dimension'],
    ]),
]

export const fieldProvisioner: Provisioner = {
  async create(resource, api) {
    await patchField(resource, api, readAttributes(resource, fieldOf))
  },
  remove: (resource, api) => patchField(resource, api, {}),
}

async function patchField(resource: TerraformResource, api: OwnerApi, field: Message): Promise<void> {
  const attributes = attributesOf(resource)
  const name = `${groupName(attributes)}/fields/${encodeURIComponent(attributes.required('field'))}`
  await api('PATCH', `/v1/${name}?updateMask=indexConfig,ttlConfig`, field)
}

function fieldOf(attributes: Attributes): Message {
  attributes.ignore('project', 'database', 'collection')
  const fieldPath = attributes.required('field')
  const indexConfig = attributes.blocks('index_config', (config) => ({
    indexes: config.blocks('indexes', (index) => ({
      queryScope: index.text('query_scope') ?? 'COLLECTION',
      fields: [defined({ fieldPath, ...index.alike({ text: ['order', 'array_config'] }) })],
    })),
  }))
  return defined({
    // An empty block exempts the field from every index; none leaves it as by default.
    indexConfig: indexConfig && { indexes: indexConfig.flatMap(({ indexes }) => indexes ?? []) },
    ttlConfig: attributes.blocks('ttl_config', () => ({})) && {},
  })
}

export const scheduleProvisioner: Provisioner = {
  async create(resource, api) {
    const { parent, schedule } = readAttributes(resource, scheduleOf)
    await upsert(
      () => api('POST', `/v1/${parent}/backupSchedules`, schedule),
      async () => {
        const { name, retention } = await sameSchedule(resource, api)
        if (retention !== schedule.retention)
          await api('PATCH', `/v1/${name}?updateMask=retention`, { retention: schedule.retention })
      },
    )
  },
  async remove(resource, api) {
    await api('DELETE', `/v1/${(await sameSchedule(resource, api)).name}`)
  },
}

interface Schedule {
  readonly name?: string
  readonly retention: string
  readonly dailyRecurrence?: object | undefined
  readonly weeklyRecurrence?: Message | undefined
}

const scheduleOf = (attributes: Attributes): { parent: string; schedule: Schedule } => ({
  parent: databaseName(attributes, 'database'),
  schedule: {
    retention: attributes.required('retention'),
    dailyRecurrence: attributes.block('daily_recurrence', () => ({})),
    weeklyRecurrence: attributes.block('weekly_recurrence', (weekly) => ({ day: weekly.text('day') })),
  },
})

/** A database has one schedule of each recurrence. */
async function sameSchedule(resource: TerraformResource, api: OwnerApi): Promise<Schedule> {
  const { parent, schedule } = readAttributes(resource, scheduleOf)
  const { backupSchedules = [] } = (await api('GET', `/v1/${parent}/backupSchedules`)) as {
    backupSchedules?: Schedule[]
  }
  const found = backupSchedules.find(
    ({ weeklyRecurrence }) => (weeklyRecurrence === undefined) === (schedule.weeklyRecurrence === undefined),
  )
  if (!found) throw new Error(`${resource.address} has no such schedule to change or remove.`)
  return found
}

/** Google's provider takes the id, or the full name, of a database. */
const databaseName = (attributes: Attributes, attribute: string): string =>
  `projects/${attributes.project()}/databases/${attributes.text(attribute)?.split('/').at(-1) ?? '(default)'}`

const groupName = (attributes: Attributes): string =>
  `${databaseName(attributes, 'database')}/collectionGroups/${encodeURIComponent(attributes.required('collection'))}`
