/** For one resource: is it refused without it, or does an order no longer play when it is taken away? */

import { type Provisioned, type StackJson, unprovisioned } from 'local-google-cloud'
import { resourcesOf } from '../../emulators/start.ts'
import type { TestPlatform } from '../support/platform.ts'
import { play } from './play.ts'
import { survives } from './survivors.ts'

/** So many times what it usually takes, and never less than this, before an order counts as not playing. */
const PATIENCE = 3
const SHORTEST_LIMIT_MS = 2_000
/** After a restore, deliveries that failed meanwhile are repeated first. */
const RESTORED_LIMIT_MS = 60_000

export interface Verdict {
  readonly address: string
  /** How it is shown to be needed, or why it is not. */
  readonly outcome: 'refused' | 'missed' | 'listed' | 'NOT MISSED' | 'NOT RESTORED'
  readonly detail: string
}

/** With nothing taken away, after a first time which wakes the services. @throws Error when it does not play at all. */
export async function patience(platform: TestPlatform): Promise<number> {
  await play(platform, RESTORED_LIMIT_MS)
  const startedMs = performance.now()
  await play(platform, RESTORED_LIMIT_MS)
  return Math.max(SHORTEST_LIMIT_MS, PATIENCE * (performance.now() - startedMs))
}

export async function wired(platform: TestPlatform, one: Provisioned, limitMs: number): Promise<Verdict> {
  const { resource, provisioner } = one
  const address = `${resource.stack}/${resource.address}`
  const refusal = refusedWithout(platform.stacks, one)
  if (refusal) return { address, outcome: 'refused', detail: refusal }
  const reason = survives(resource)
  if (reason) return { address, outcome: 'listed', detail: reason }

  await provisioner.remove(resource, platform.api)
  // A running service still holds tokens of its account for an hour, as it does at Google.
  if (resource.type === 'google_service_account')
    await platform.run.kill(String(resource.attributes['account_id']), 'SIGKILL')
  const missing = await failure(platform, limitMs)
  await provisioner.create(resource, platform.api)
  const still = await failure(platform, RESTORED_LIMIT_MS)
  if (still) return { address, outcome: 'NOT RESTORED', detail: still }
  return missing
    ? { address, outcome: 'missed', detail: missing }
    : { address, outcome: 'NOT MISSED', detail: 'both orders still play' }
}

/** Why the stacks without this resource, without the grants on it and what has no local part, can't be provisioned. */
function refusedWithout(stacks: readonly StackJson[], { resource }: Provisioned): string | undefined {
  const [type, id] = resource.address.split('.') as [string, string]
  const without = stacks.map((stack) => {
    if (stack.name !== resource.stack) return stack
    const kept = Object.entries(stack.json.resource ?? {}).map(([otherType, byName]) => [
      otherType,
      Object.fromEntries(
        Object.entries(byName).filter(
          ([otherId, attributes]) =>
            !(otherType === type && otherId === id) &&
            !(
              (otherType.endsWith('_iam_member') || otherType in unprovisioned) &&
              mentions(attributes, resource.address)
            ),
        ),
      ),
    ])
    return {
      ...stack,
      json: { ...stack.json, resource: Object.fromEntries(kept) as NonNullable<StackJson['json']['resource']> },
    }
  })
  try {
    resourcesOf(without)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Reads one of its attributes, or waits for it. */
const mentions = (attributes: object, address: string): boolean => {
  const text = JSON.stringify(attributes)
  return text.includes(`\${${address}.`) || text.includes(`"${address}"`)
}

async function failure(platform: TestPlatform, withinMs: number): Promise<string | undefined> {
  try {
    await play(platform, withinMs)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
