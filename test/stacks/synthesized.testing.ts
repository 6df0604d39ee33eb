/** The stacks of every environment, synthesized once, and queries for tests. */

import type { StackJson } from 'local-google-cloud'
import { business } from '../../functions/index.ts'
import { synthesize } from '../../stacks/app.ts'
import { type Environment, environments, localEnvironment, localPorts } from '../../stacks/environments.ts'

export const allEnvironments: readonly Environment[] = [
  localEnvironment(localPorts(4100, business)),
  ...Object.values(environments),
]

const synthesized = new Map(allEnvironments.map((environment) => [environment.name, synthesize(environment, business)]))

export const stacksOf = (environment: Environment): readonly StackJson[] => synthesized.get(environment.name)!

export type Attributes = Readonly<Record<string, unknown>>

export interface Declared {
  readonly stack: string
  readonly address: string
  readonly attributes: Attributes
}

/** Resources of one type, over all stacks of an environment. */
export function declared(environment: Environment, type: string, stacks = stacksOf(environment)): Declared[] {
  return stacks.flatMap(({ name, json }) =>
    Object.entries(json.resource?.[type] ?? {}).map(([id, attributes]) => ({
      stack: name,
      address: `${type}.${id}`,
      attributes,
    })),
  )
}

/** `${google_pubsub_topic.x.id}` → the name attribute of `x`. */
export function resolved(environment: Environment, stack: string, value: unknown): string {
  const reference = /^\$\{([\w-]+)\.([\w-]+)\.(\w+)\}$/.exec(String(value))
  if (!reference) return String(value)
  const [, type, id] = reference
  const found = stacksOf(environment).find(({ name }) => name === stack)?.json.resource?.[type!]?.[id!]
  return String(
    found?.['name'] ??
      found?.['account_id'] ??
      found?.['table_id'] ??
      found?.['dataset_id'] ??
      found?.['repository_id'] ??
      found?.['secret_id'],
  )
}
