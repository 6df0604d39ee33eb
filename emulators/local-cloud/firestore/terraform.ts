/** Provisions google_firestore_database, _index and _field through the public REST API, as Terraform would. */

import type { OwnerApi, Provisioner, TerraformResource } from '../core/plugin.ts'

type Attributes = Readonly<Record<string, unknown>>

/** Attribute → field of the API, for those that go into the body. */
const databaseBody = {
  location_id: 'locationId',
  type: 'type',
  database_edition: 'databaseEdition',
  concurrency_mode: 'concurrencyMode',
  point_in_time_recovery_enablement: 'pointInTimeRecoveryEnablement',
  app_engine_integration_mode: 'appEngineIntegrationMode',
  delete_protection_state: 'deleteProtectionState',
} as const
/** What PATCH changes; Terraform replaces the database for the others. */
const databaseMutable = [
  'concurrency_mode',
  'point_in_time_recovery_enablement',
  'app_engine_integration_mode',
  'delete_protection_state',
]

export const databaseProvisioner: Provisioner = {
  async create(resource, api) {
    const { name } = resource.attributes
    // deletion_policy says what Terraform's destroy does; no API knows it.
    refuseUnknown(resource, [...Object.keys(databaseBody), 'name', 'deletion_policy'])
    const database = bodyOf(resource.attributes, Object.keys(databaseBody))
    await unlessThere(
      () =>
        api(
          'POST',
          `/v1/projects/${projectOf(resource)}/databases?databaseId=${encodeURIComponent(String(name))}`,
          database,
        ),
      async () => {
        const path = `/v1/${databaseOf(resource, name)}`
        const existing = (await api('GET', path)) as Attributes
        const { locationId } = database
        if (locationId !== existing['locationId']) {
          throw new Error(
            `Database ${name} exists in ${existing['locationId']}, not in ${locationId}: delete it first, which loses its documents.`,
          )
        }
        const changes = bodyOf(resource.attributes, databaseMutable)
        const mask = Object.keys(changes).join(',')
        if (mask) await api('PATCH', `${path}?updateMask=${mask}`, changes)
      },
    )
  },
  async remove(resource, api) {
    const path = `/v1/${databaseOf(resource, resource.attributes['name'])}`
    await api('PATCH', `${path}?updateMask=deleteProtectionState`, {
      deleteProtectionState: 'DELETE_PROTECTION_DISABLED',
    })
    await api('DELETE', path)
  },
}

function bodyOf(attributes: Attributes, names: readonly string[]): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const name of names) {
    if (given(attributes[name])) body[databaseBody[name as keyof typeof databaseBody]] = attributes[name]
  }
  return body
}

export const indexProvisioner: Provisioner = {
  async create(resource, api) {
    await unlessThere(
      () => api('POST', `/v1/${groupOf(resource)}/indexes`, indexBody(resource)),
      () => Promise.resolve(),
    )
  },
  async remove(resource, api) {
    const wanted = JSON.stringify(comparable(indexBody(resource)))
    const { indexes = [] } = (await api('GET', `/v1/${groupOf(resource)}/indexes`)) as { indexes?: IndexBody[] }
    const found = indexes.find((one) => JSON.stringify(comparable(one)) === wanted)
    if (!found?.name) throw new Error(`${resource.address} has no such index to remove.`)
    await api('DELETE', `/v1/${found.name}`)
  },
}

interface IndexBody {
  readonly name?: string
  readonly queryScope: string
  readonly fields: readonly { readonly fieldPath?: unknown; readonly order?: unknown; readonly arrayConfig?: unknown }[]
}

function indexBody(resource: TerraformResource): IndexBody {
  const { attributes, address } = resource
  refuseUnknown(resource, ['database', 'collection', 'query_scope', 'api_scope', 'fields'])
  return {
    queryScope: String(attributes['query_scope'] ?? 'COLLECTION'),
    ...(given(attributes['api_scope']) && { apiScope: attributes['api_scope'] }),
    fields: blocks(attributes['fields']).map((field) => {
      refuseUnknownIn(`${address}: fields`, field, ['field_path', 'order', 'array_config'])
      return {
        fieldPath: field['field_path'],
        ...(given(field['order']) && { order: field['order'] }),
        ...(given(field['array_config']) && { arrayConfig: field['array_config'] }),
      }
    }),
  }
}

/** An index without the name that the service adds at its end. */
const comparable = ({ queryScope, fields }: IndexBody): unknown => [
  queryScope,
  fields
    .filter(({ fieldPath }) => fieldPath !== '__name__')
    .map(({ fieldPath, order, arrayConfig }) => [fieldPath, order || arrayConfig]),
]

export const fieldProvisioner: Provisioner = {
  async create(resource, api) {
    refuseUnknown(resource, ['database', 'collection', 'field', 'index_config', 'ttl_config'])
    const { index_config: indexConfig, ttl_config: ttlConfig } = resource.attributes
    await patchField(resource, api, {
      // An empty block exempts the field from every index; none leaves it as by default.
      ...(given(indexConfig) && { indexConfig: { indexes: singleIndexes(resource) } }),
      ...(given(ttlConfig) && { ttlConfig: {} }),
    })
  },
  remove: (resource, api) => patchField(resource, api, {}),
}

async function patchField(resource: TerraformResource, api: OwnerApi, body: object): Promise<void> {
  const field = encodeURIComponent(String(resource.attributes['field']))
  await api('PATCH', `/v1/${groupOf(resource)}/fields/${field}?updateMask=indexConfig,ttlConfig`, body)
}

function singleIndexes({ address, attributes }: TerraformResource): object[] {
  return blocks(attributes['index_config'])
    .flatMap((config) => blocks(config['indexes']))
    .map((index) => {
      refuseUnknownIn(`${address}: index_config.indexes`, index, ['query_scope', 'order', 'array_config'])
      const { query_scope: queryScope = 'COLLECTION', order, array_config: arrayConfig } = index
      const kind = given(arrayConfig) ? { arrayConfig } : { order }
      return { queryScope, fields: [{ fieldPath: attributes['field'], ...kind }] }
    })
}

const given = (value: unknown): boolean => value !== undefined && value !== null

/** A block is an object, or a list of them, as Terraform JSON allows both. */
function blocks(value: unknown): Attributes[] {
  if (!given(value)) return []
  return (Array.isArray(value) ? value : [value]) as Attributes[]
}

const ALWAYS_KNOWN = ['project', 'timeouts', 'id']

const refuseUnknown = ({ address, attributes }: TerraformResource, known: readonly string[]): void =>
  refuseUnknownIn(address, attributes, [...known, ...ALWAYS_KNOWN])

function refuseUnknownIn(where: string, attributes: Attributes, known: readonly string[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (given(value) && !known.includes(name)) {
      throw new Error(
        `${where} has the attribute "${name}", which the Firestore emulator does not know: known are ${known.join(', ')}.`,
      )
    }
  }
}

async function unlessThere(create: () => Promise<unknown>, whenThere: () => Promise<void>): Promise<void> {
  try {
    await create()
  } catch (error) {
    const { status, httpStatus = status } = error as { status?: unknown; httpStatus?: unknown }
    if (httpStatus !== 409) throw error
    await whenThere()
  }
}

const projectOf = ({ address, attributes }: TerraformResource): string => {
  if (typeof attributes['project'] === 'string') return attributes['project']
  throw new Error(`${address} has no project: set it on the resource or on the provider.`)
}

/** Google's provider takes the id, or the full name, of a database. */
const databaseOf = (resource: TerraformResource, database: unknown): string =>
  `projects/${projectOf(resource)}/databases/${String(database ?? '(default)')
    .split('/')
    .at(-1)}`

const groupOf = (resource: TerraformResource): string =>
  `${databaseOf(resource, resource.attributes['database'])}/collectionGroups/${encodeURIComponent(String(resource.attributes['collection']))}`
