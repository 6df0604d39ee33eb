/**
 * A resource whose address in Terraform's state changes is destroyed and created anew, and its data is lost. The addresses
 * follow from the paths of the constructs, which `addresses.json` lists: `*` is a name of the business, such as an event's type.
 */

import { describe, expect, it } from 'vitest'
import { business, services } from '../../functions/index.ts'
import { stuckEvent } from '../../shared/base/names.ts'
import { isRecording, readRecord, RECORD, writeMade } from '../../shared/contracts/records.testing.ts'
import { synthesize } from '../../stacks/app.ts'
import { environments } from '../../stacks/environments.ts'
import { formerPaths } from '../../stacks/moved.ts'
import { stacksOf } from './synthesized.testing.ts'

const { dev } = environments
const file = new URL('addresses.json', import.meta.url)

/** Of the business, the longest first: each may be part of another. */
const names = [
  ...services.flatMap(({ name, emits, collections }) => [name, ...emits, ...Object.keys(collections)]),
  stuckEvent,
  ...business.views.names,
  ...Object.keys(business.goals(dev)),
].toSorted((one, other) => other.length - one.length)
const name = new RegExp(`(?<![a-z])(?:${names.map((one) => one.replaceAll('.', '\\.')).join('|')})(?![a-z])`, 'g')

/** The paths in the stacks of services are of the one kind of stack. */
const kindOf = (stack: string): string => {
  const part = stack.slice(`${dev.name}-`.length)
  return services.some((service) => service.name === part) ? 'service' : part
}

/** The attributes that name a resource at Google. */
const idAttributes = ['name', 'account_id', 'dataset_id', 'table_id', 'repository_id']

/** By the kind of stack, its constructs with a resource, as `TYPE PATH`: the declared constructs, and the former ones that have become them. */
const declared = new Map<string, Set<string>>()
const namedAtGoogle = new Set<string>()
const moved = new Map<string, Set<string>>()
/** The stacks of an environment whose events are pulled. */
const pulled = synthesize(dev, { ...business, delivery: () => ({ history: 'pull' }) })
for (const { name: stack, json } of [...stacksOf(dev), ...pulled]) {
  const add = (to: Map<string, Set<string>>, type: string, path: string): void => {
    const kind = kindOf(stack)
    to.set(kind, (to.get(kind) ?? new Set()).add(`${type} ${path.replaceAll(name, '*')}`))
  }
  for (const [type, byId] of Object.entries(json.resource!))
    for (const { '//': comment, ...attributes } of Object.values(byId)) {
      const path = (comment as { metadata: { path: string } }).metadata.path.slice(stack.length + 1)
      add(declared, type, path)
      for (const former of formerPaths(path)) add(moved, type, former)
      const ownName = idAttributes.map((id) => attributes[id]).find((value) => value !== undefined)
      if (typeof ownName === 'string' && !ownName.includes('${') && !type.endsWith('_iam_member'))
        namedAtGoogle.add(`${type} ${ownName.replaceAll(dev.projectId, 'PROJECT').replaceAll(name, '*')}`)
    }
}

declared.set('names', namedAtGoogle)

const read = () => readRecord(file) as Readonly<Record<string, readonly string[]>>
if (isRecording) {
  const before = read()
  const all = [...declared].map(([kind, paths]) => [
    kind,
    [...new Set([...(before[kind] ?? []), ...paths, ...(moved.get(kind) ?? [])])].toSorted(),
  ])
  writeMade(file, `${JSON.stringify(Object.fromEntries(all), undefined, 2)}\n`)
}
const frozen = read()

describe.each(Object.keys(frozen))('in addresses.json, "%s"', (kind) => {
  it('are declared still, or moved', () => {
    const gone = frozen[kind]!.filter((path) => !declared.get(kind)?.has(path) && !moved.get(kind)?.has(path))
    const remedy = `add the new path of ${gone.join(', ')} to stacks/moved.json; remove from addresses.json the resources that Terraform shall destroy`
    expect(gone, remedy).toEqual([])
  })

  it('are all listed', () => {
    const known = new Set(frozen[kind])
    expect([...declared.get(kind)!].filter((path) => !known.has(path), RECORD)).toEqual([])
  })
})

it('the address of a resource is its former one after a path of several constructs too', () => {
  const blocks = stacksOf(dev).flatMap(({ name: stack, json }) =>
    (json.moved ?? []).map(({ from, to }) => `${stack}: ${from} → ${to}`),
  )
  // Frozen: addresses of an earlier release, with CDKTF's hash of their paths.
  expect(blocks).toEqual(
    expect.arrayContaining([
      'dev-bus: google_pubsub_subscription.analytics_keep-orderplaced_D601F6F3 → google_pubsub_subscription.analytics_bigquery-orderplaced_3E2DB6CA',
      'dev-bus: google_pubsub_subscription.dead-letters-orders_kept_85BD1EF3 → google_pubsub_subscription.dead-letters-orders_retention_E5404E5B',
      'dev-bus: google_pubsub_subscription.operators-desk_stuck-sagas_B72FFBBC → google_pubsub_subscription.stuck-sagas_subscription_66F5BB97',
    ]),
  )
})
