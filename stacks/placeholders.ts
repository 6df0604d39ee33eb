/** The values of an environment that are still those of the published sources. */

import { business } from '../functions/index.ts'
import { checkEnvironment } from './check-environment.ts'
import { type Environment, environments } from './environments.ts'
import { settingsOf } from './service-variables.ts'

/**
 * Ids of projects are unique in the world, so these may be another person's; a wrong number makes wrong addresses, audiences and
 * members. A team's new environment begins as a copy of a published one, so each pattern holds for further names and numbers.
 */
const published: Readonly<Record<string, RegExp>> = {
  projectId: /^millrace(?:-.*)?$/,
  projectNumber: /^10000000\d{4}$/,
  billingAccount: /^0{6}-0{6}-0{6}$/,
}
/** The only form of a value that Google gives. */
const form: Readonly<Record<string, RegExp>> = {
  projectId: /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/,
  projectNumber: /^\d{6,20}$/,
  billingAccount: /^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$/,
}
/** The address up to a domain that RFC 2606 reserves for examples; a setting may be a longer JSON text. */
const example = /[^"\s]*\bexample\.(?:com|net|org)\b/

/** Each placeholder, as `NAME "VALUE"`: published values, values of another form than Google's, ids that another environment has. */
export function placeholdersIn(
  environment: Environment,
  others: readonly Environment[] = Object.values(environments),
): string[] {
  const { name: own, projectId, projectNumber, alertEmail, operators, analysts, administrators, budget } = environment
  const values: readonly (readonly [name: string, value: string])[] = [
    ...Object.entries({ projectId, projectNumber, alertEmail, operators, analysts }),
    ...(budget ? [['billingAccount', budget.billingAccount] as const] : []),
    ...administrators.map((member) => ['administrators', member] as const),
    ...Object.entries(settingsOf(environment, business)),
  ]
  const copied = (['projectId', 'projectNumber'] as const).flatMap((name) => {
    const other = others.find((one) => one.name !== own && one[name] === environment[name])
    return other ? [`${name} "${environment[name]}" of ${other.name}`] : []
  })
  return [
    ...values.flatMap(([name, value]) => {
      const found =
        example.exec(value) ?? published[name]?.exec(value) ?? (form[name]?.test(value) === false ? [value] : null)
      return found ? [`${name} "${found[0]}"`] : []
    }),
    ...copied,
  ]
}

/** Why nothing may be done in the cloud with this environment, in one line; undefined when it has values of its own, and all belong to something. */
export function refusalOf(environment: Environment): string | undefined {
  try {
    checkEnvironment(environment, business)
  } catch (error) {
    return (error as Error).message
  }
  const found = placeholdersIn(environment)
  return found.length === 0
    ? undefined
    : `${environment.name} has placeholders: ${found.join(', ')}. Enter yours in stacks/environments.ts and in the settings of the business, then try again.`
}
