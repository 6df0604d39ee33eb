import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import { plan, provision } from '../core/terraform/provision.ts'
import { readResources } from '../core/terraform/read-resources.ts'
import { iam } from '../iam/plugin.ts'
import { pubsub } from './plugin.ts'

const email = 'reader@demo-local.iam.gserviceaccount.com'
const plugins = [iam, pubsub]
let cloud: LocalCloud

beforeAll(async () => {
  cloud = await createLocalCloud({
    plugins,
    project: { id: 'demo-local', number: '1', region: 'europe-west1' },
    accounts: [{ email, port: 0 }],
  })
})
afterAll(() => cloud.close())

const definition = (...fields: object[]): string =>
  JSON.stringify({ type: 'record', name: 'Shape', fields: [{ name: 'sides', type: 'int' }, ...fields] })

/** A schema, a topic that uses it, and a grant on it. */
async function apply(shape: string): Promise<void> {
  const json = {
    provider: { google: [{ project: 'demo-local', region: 'europe-west1' }] },
    resource: {
      google_service_account: { reader: { account_id: 'reader' } },
      google_pubsub_schema: { shape: { name: 'shape', type: 'AVRO', definition: shape } },
      google_pubsub_topic: {
        shapes: { name: 'shapes', schema_settings: { schema: '${google_pubsub_schema.shape.id}', encoding: 'JSON' } },
      },
      google_pubsub_schema_iam_member: {
        reader: {
          schema: '${google_pubsub_schema.shape.name}',
          role: 'roles/pubsub.editor',
          member: `serviceAccount:${email}`,
        },
      },
    },
  }
  await provision(plan(readResources([{ name: 'all', json }], plugins), plugins), cloud.api)
}

it('a schema is provisioned with its topic and grant; another definition is a new revision, the same one is not', async () => {
  const path = '/v1/projects/demo-local/schemas/shape'
  const revisions = async () =>
    ((await cloud.api('GET', `${path}:listRevisions`)) as { schemas: unknown[] }).schemas.length
  await apply(definition())
  await apply(definition())
  expect(await revisions()).toBe(1)
  await apply(definition({ name: 'color', type: 'string', default: '' }))
  expect(await revisions()).toBe(2)
  expect(await cloud.api('GET', '/v1/projects/demo-local/topics/shapes')).toMatchObject({
    schemaSettings: { schema: 'projects/demo-local/schemas/shape', encoding: 'JSON' },
  })
  expect(await cloud.api('GET', `${path}:getIamPolicy`)).toMatchObject({
    bindings: [{ role: 'roles/pubsub.editor', members: [`serviceAccount:${email}`] }],
  })
  await expect(apply('{}')).rejects.toThrow('no Avro schema')
})

it('a role on the schema permits its methods, and the use of the schema by a topic needs one too', async () => {
  await apply(definition())
  const call = async (method: string, path: string, body?: object): Promise<number> =>
    (
      await fetch(`http://${cloud.hostOf(email)}/v1/projects/demo-local/${path}`, {
        method,
        ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
      })
    ).status
  const other = { type: 'AVRO', definition: definition() }
  await cloud.api('POST', '/v1/projects/demo-local/schemas?schemaId=other', other)
  expect(await call('GET', 'schemas/shape')).toBe(200)
  expect(await call('GET', 'schemas/other')).toBe(403)
  expect(await call('POST', 'schemas?schemaId=third', other)).toBe(403)
  await cloud.api('POST', '/v1/projects/demo-local/topics/shapes:setIamPolicy', {
    policy: { bindings: [{ role: 'roles/pubsub.editor', members: [`serviceAccount:${email}`] }] },
  })
  const change = (schema: string): Promise<number> =>
    call('PATCH', 'topics/shapes', {
      topic: { schemaSettings: { schema: `projects/demo-local/schemas/${schema}`, encoding: 'JSON' } },
      updateMask: 'schemaSettings',
    })
  expect(await change('other')).toBe(403)
  expect(await change('shape')).toBe(200)
})
