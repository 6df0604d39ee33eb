/** The values of an environment that are still those of the published sources. */

import { business } from '../functions/index.ts'
import type { Environment } from './environments.ts'
import { settingsOf } from './service-variables.ts'

/** Ids of projects are unique in the world, so these may be another person's; a wrong number makes wrong addresses, audiences and members. */
const published: Readonly<Record<string, RegExp>> = {
  projectId: /^millrace-.*/,
  projectNumber: /^10000000000\d$/,
  billingAccount: /^0{6}-0{6}-0{6}$/,
}
/** The address up to a domain that RFC 2606 reserves for examples; a setting may be a longer JSON text. */
const example = /[^"\s]*\bexample\.(?:com|net|org)\b/

/** Each placeholder, as `NAME "VALUE"`. */
export function placeholdersIn(environment: Environment): string[] {
  const { projectId, projectNumber, alertEmail, operators, analysts, administrators, budget } = environment
  const values: readonly (readonly [name: string, value: string])[] = [
    ...Object.entries({ projectId, projectNumber, alertEmail, operators, analysts }),
    ...(budget ? [['billingAccount', budget.billingAccount] as const] : []),
    ...administrators.map((member) => ['administrators', member] as const),
    ...Object.entries(settingsOf(environment, business)),
  ]
  return values.flatMap(([name, value]) => {
    const found = example.exec(value) ?? published[name]?.exec(value)
    return found ? [`${name} "${found[0]}"`] : []
  })
}
