import { expect, it } from 'vitest'
import type { Plugin } from '../plugin.ts'
import type { TerraformResource } from './resource.ts'
import { plan, provision } from './provision.ts'

const resource = (type: string): TerraformResource => ({
  type,
  address: `${type}.x`,
  stack: 'local-bus',
  attributes: {},
})
const plugin = (create: () => Promise<void>): Plugin => ({
  name: 'fake',
  create: () => ({ core: {} }),
  terraform: { google_pubsub_topic: { create, remove: async () => {} } },
})

it('stops at a type without a provisioner, and names it', () => {
  expect(() => plan([resource('google_redis_instance')], [])).toThrow(
    /google_redis_instance\.x, but no emulator provisions google_redis_instance/,
  )
})

it('skips types that the list names with a reason', () => {
  expect(plan([resource('google_project_service')], [])).toEqual([])
})

it('names the resource that the API refused', async () => {
  const refusing = plugin(() => Promise.reject(new Error('INVALID_ARGUMENT: bad name')))
  await expect(provision(plan([resource('google_pubsub_topic')], [refusing]), () => Promise.resolve())).rejects.toThrow(
    'local-bus: google_pubsub_topic.x was refused: INVALID_ARGUMENT: bad name',
  )
})
