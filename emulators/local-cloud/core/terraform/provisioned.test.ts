import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Attributes } from './attributes.ts'
import { plan } from './provision.ts'
import { retireUndeclared } from './provisioned.ts'
import { readResources, type StackJson } from './read-resources.ts'
import type { TerraformResource } from './resource.ts'

it.each(['', '[{"type":', '{}'])('a damaged list fails with its file name and the remedy: %j', async (text) => {
  const directory = mkdtempSync(join(tmpdir(), 'provisioned-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'provisioned.json')
  writeFileSync(file, text)
  await expect(retireUndeclared(file, [], { plugins: [], api: () => Promise.resolve() })).rejects.toThrow(
    `${file} can't be read: delete it, then start again. No data is lost`,
  )
  rmSync(file)
  await expect(retireUndeclared(file, [], { plugins: [], api: () => Promise.resolve() })).resolves.toEqual([])
})

it('a resource with data that no stack declares any more is suspended once, resumed when it is back, and removed by a prune', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'provisioned-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'provisioned.json')
  const calls: string[] = []
  let states = 0
  const call = (verb: string) => async (resource: TerraformResource) =>
    void calls.push(`${verb} ${resource.attributes['name']}`)
  const provisioner = {
    create: async () => {},
    remove: call('remove'),
    stateOf: async () => ++states,
    suspend: call('suspend'),
    resume: async ({ attributes }: TerraformResource, _: unknown, before: unknown) =>
      void calls.push(`resume ${attributes['name']} of state ${before}`),
    holdsData: ({ attributes }: TerraformResource) => attributes['name'] !== 'empty',
    computed: (attributes: Attributes) => ({ id: attributes.required('name') }),
  }
  const plugins = [{ terraform: { google_pubsub_topic: provisioner } }]
  const startWith = async (topics: Readonly<Record<string, string>>, prune = false) => {
    const resource = {
      google_pubsub_topic: Object.fromEntries(Object.entries(topics).map(([address, name]) => [address, { name }])),
    }
    const planned = plan(readResources([{ name: 'local-bus', json: { resource } }], plugins), plugins)
    const kept = await retireUndeclared(file, planned, { plugins, api: () => Promise.resolve(), prune })
    return [kept.map(({ address }) => address), calls.splice(0)]
  }
  await startWith({ one: 'first', two: 'second', three: 'empty' })
  const two = 'google_pubsub_topic.two'
  expect(await startWith({ one: 'first' })).toEqual([[two], ['remove empty', 'suspend second']])
  expect(await startWith({ one: 'first' })).toEqual([[two], []])
  expect(await startWith({ one: 'first', due: 'second' })).toEqual([[], ['resume second of state 1']])
  expect(await startWith({ one: 'first' }, true)).toEqual([[], ['remove second']])
})

it('a resource under a new address stays if it was moved, over any number of moves, and is removed if it was not', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'provisioned-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'provisioned.json')
  const removed: string[] = []
  const provisioner = {
    create: async () => {},
    remove: async ({ address }: TerraformResource) => void removed.push(address),
  }
  const plugins = [{ terraform: { google_pubsub_topic: provisioner } }]
  const startWith = async (topics: readonly string[], moved: StackJson['json']['moved'] = []) => {
    const resource = { google_pubsub_topic: Object.fromEntries(topics.map((topic) => [topic, { name: topic }])) }
    const planned = plan(readResources([{ name: 'local-bus', json: { resource, moved } }], plugins), plugins)
    await retireUndeclared(file, planned, { plugins, api: () => Promise.resolve() })
  }
  await startWith(['one', 'two', 'three'])
  await startWith(
    ['uno', 'due', 'tre'],
    [
      { from: 'google_pubsub_topic.one', to: 'google_pubsub_topic.eins' },
      { from: 'google_pubsub_topic.eins', to: 'google_pubsub_topic.uno' },
      { from: 'google_pubsub_topic.two', to: 'google_pubsub_topic.due' },
    ],
  )
  expect(removed).toEqual(['google_pubsub_topic.three'])
  await startWith(['due'])
  expect(removed.slice(1)).toEqual(['google_pubsub_topic.tre', 'google_pubsub_topic.uno'])
})
