/** An environment in the cloud, named by an operator. */

import { nearestOrAll } from '../shared/base/nearest.ts'
import { type Environment, environments } from '../stacks/environments.ts'
import { refusalOf } from '../stacks/placeholders.ts'
import { UsageError } from './command.ts'

export const environmentNames = Object.keys(environments)

/** @throws UsageError for a name that none has, and for an environment with placeholders. */
export function deployedEnvironment(name: string): Environment {
  const environment = Object.values(environments).find((one) => one.name === name)
  if (!environment)
    throw new UsageError(`There is no environment "${name}". ${nearestOrAll(name, environmentNames, 'There are:')}`)
  const refusal = refusalOf(environment)
  if (refusal !== undefined) throw new UsageError(refusal)
  return environment
}
