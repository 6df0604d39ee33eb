import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { plan } from './provision.ts'
import { removeUndeclared } from './provisioned.ts'
import { readResources, type StackJson } from './read-resources.ts'
import type { TerraformResource } from './resource.ts'

it.each(['', '[{"type":', '{}'])('a damaged list fails with its file name and the remedy: %j', async (text) => {
  const directory = mkdtempSync(join(tmpdir(), 'provisioned-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'provisioned.json')
  writeFileSync(file, text)
  await expect(removeUndeclared(file, [], { plugins: [], api: () => Promise.resolve() })).rejects.toThrow(
    `${file} is damaged: start with an empty state folder.`,
  )
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
    await removeUndeclared(file, planned, { plugins, api: () => Promise.resolve() })
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
