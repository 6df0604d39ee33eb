/** Checks for one resource that the stacks are refused without it, or that the scenario fails after its removal. */

import { type Provisioned, type StackJson, unprovisioned } from 'local-google-cloud'
import { resourcesOf } from '../../../emulators/start.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { runScenario } from './scenario.testing.ts'
import { whyOptional } from './optional-resources.testing.ts'
import { RESTORED_LIMIT_MS, type Trial, tried, type Verdict } from './trial.testing.ts'

/** The scenario fails after so many times its usual duration, and not before the shortest limit. */
const DURATION_FACTOR = 3
const SHORTEST_LIMIT_MS = 2_000

export interface VerdictOn extends Verdict {
  readonly address: string
}

/** The time limit of a scenario: its duration with all resources and warm services, times a factor. @throws Error if the scenario fails. */
export async function durationLimit(platform: TestPlatform): Promise<number> {
  await runScenario(platform, RESTORED_LIMIT_MS)
  const startedMs = performance.now()
  await runScenario(platform, RESTORED_LIMIT_MS)
  return Math.max(SHORTEST_LIMIT_MS, DURATION_FACTOR * (performance.now() - startedMs))
}

export async function wired(platform: TestPlatform, one: Provisioned, limitMs: number): Promise<VerdictOn> {
  const { resource, provisioner } = one
  const address = `${resource.stack}/${resource.address}`
  const refusal = refusedWithout(platform.stacks, one)
  if (refusal) return { address, outcome: 'refused', detail: refusal }
  const reason = whyOptional(resource)
  if (reason) return { address, outcome: 'listed', detail: reason }

  const trial: Trial = {
    async remove() {
      await provisioner.remove(resource, platform.api)
      // A running service still holds tokens of its account for an hour, as it does at Google.
      if (resource.type === 'google_service_account')
        await platform.run.kill(String(resource.attributes['account_id']), 'SIGKILL')
    },
    async restore() {
      await provisioner.create(resource, platform.api)
    },
    run: (withinMs) => failure(platform, withinMs),
  }
  return { address, ...(await tried(trial, limitMs)) }
}

/** The error of provisioning the stacks without this resource, its grants and resources without a local part; undefined without an error. */
function refusedWithout(stacks: readonly StackJson[], { resource }: Provisioned): string | undefined {
  // A grant's address ends with its member, which is taken away alone; the binding goes as a whole.
  const [whole] = resource.address.split(' ')
  const [type, id] = whole!.split('.') as [string, string]
  const without = stacks.map((stack) => {
    if (stack.name !== resource.stack) return stack
    const kept = Object.entries(stack.json.resource ?? {}).map(([otherType, byName]) => [
      otherType,
      Object.fromEntries(
        Object.entries(byName).filter(
          ([otherId, attributes]) =>
            !(otherType === type && otherId === id) &&
            !((/_iam_(member|binding)$/.test(otherType) || otherType in unprovisioned) && mentions(attributes, whole!)),
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

/** True if the attributes refer to the resource or depend on it. */
const mentions = (attributes: object, address: string): boolean => {
  const text = JSON.stringify(attributes)
  return text.includes(`\${${address}.`) || text.includes(`"${address}"`)
}

async function failure(platform: TestPlatform, withinMs: number): Promise<string | undefined> {
  try {
    await runScenario(platform, withinMs)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
