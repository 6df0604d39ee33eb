import { expect, it } from 'vitest'
import { type Attributes, readAttributes } from './attributes.ts'
import type { TerraformResource } from './resource.ts'

const queue = (attributes: object): TerraformResource => ({
  type: 'google_queue',
  address: 'google_queue.orders',
  stack: 'local-orders',
  attributes: { project: 'p', ...attributes },
})
const read = (attributes: object): unknown =>
  readAttributes(queue(attributes), (of: Attributes) => ({
    name: `projects/${of.project()}/queues/${of.required('name')}`,
    paused: of.flag('paused'),
    limits: of.block('limits', (limits) => ({ perSecond: limits.number('per_second') })),
    routes: of.blocks('routes', (route) => ({ to: route.text('to') })),
  }))

it('reads texts, numbers and flags as Terraform converts them, and leaves out unset fields of blocks', () => {
  expect(read({ name: 'orders', paused: 'true', limits: { per_second: '5' }, routes: [{ to: 'a' }, {}] })).toEqual({
    name: 'projects/p/queues/orders',
    paused: true,
    limits: { perSecond: 5 },
    routes: [{ to: 'a' }, {}],
  })
})

it('reads a block with and without its list', () => {
  const wanted = { limits: { perSecond: 5 }, routes: [{ to: 'a' }] }
  expect(read({ name: 'orders', limits: [{ per_second: 5 }], routes: { to: 'a' } })).toMatchObject(wanted)
})

it("treats null, an empty list and Terraform's own arguments as unset", () => {
  const unset = { limits: null, colour: null, tags: [], timeouts: { create: '5m' }, id: 'x' }
  expect(read({ name: 'orders', ...unset })).toMatchObject({ limits: undefined })
})

it('reads attributes that the API names alike in camel case, and leaves out unset ones', () => {
  const given = { time_zone: 'UTC', max_doublings: '3', is_paused: 'false', max_backoff: null }
  expect(
    readAttributes(queue(given), (of) => {
      of.ignore('project')
      const texts = { text: ['time_zone', 'max_backoff'] }
      return of.alike({ ...texts, number: ['max_doublings'], flag: ['is_paused'], value: ['labels'] })
    }),
  ).toStrictEqual({ timeZone: 'UTC', maxDoublings: 3, isPaused: false })
  expect(() => readAttributes(queue(given), (of) => of.alike({ number: ['time_zone'] }))).toThrow(
    '"time_zone" is "UTC", but must be a number.',
  )
})

it.each([
  [{ name: 'orders', colour: 'red' }, 'google_queue.orders has the attribute "colour", which the local cloud does not'],
  [{ name: 'orders', limits: { per_day: 1 } }, 'google_queue.orders limits has the attribute "per_day"'],
  [
    { name: 'orders', limits: [{ per_second: 1 }, { per_second: 2 }] },
    '"limits" is [{"per_second":1},{"per_second":2}]',
  ],
  [{ name: 'orders', limits: { per_second: 'many' } }, '"per_second" is "many", but must be a number.'],
  [{ name: 'orders', paused: 1 }, '"paused" is 1, but must be true or false.'],
  [{ name: 5 }, '"name" is 5, but must be a string.'],
  [{ name: 'orders', routes: 'a' }, '"routes" is "a", but must be a block.'],
  [{}, 'google_queue.orders has no name. Set its attribute "name".'],
  [{ name: 'orders', project: undefined }, 'has no project. Set it on the resource or on the provider.'],
])('refuses an unknown attribute by its name: %j', (attributes, message) => {
  expect(() => read(attributes)).toThrow(message)
})
