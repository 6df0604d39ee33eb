/**
 * Credentials of partners. A description names them, Secret Manager keeps their values, and Cloud Run puts these into the
 * container: no stack, plan, state or log has one.
 */

import { parseSetting, type Setting } from './setting.ts'

/** The name of each secret, and what it is for in one sentence. */
export type Secrets = Readonly<Record<string, string | SometimesRead>>

/** A secret that the service reads only where a setting has a value of some kind: elsewhere it needs no version. */
export interface SometimesRead {
  readonly purpose: string
  readonly where: Condition
}

/** Of the service's settings. */
export interface Condition {
  readonly setting: Setting
  /** @throws Error for a text that the setting does not take */
  readonly holds: (text: string | undefined) => boolean
}

export const where = <Value>(setting: Setting<Value>, holds: (value: Value) => boolean): Condition => ({
  setting,
  holds: (text) => holds(parseSetting(setting, text)),
})

/** One hyphen between two parts, so that no two names have one variable. */
const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/
/** It fits into a header, and shows an accident: a line break at its end comes from `echo`. */
const VALUE = /^[\x21-\x7E](?:[\x20-\x7E]*[\x21-\x7E])?$/

/** The variable in which a container has the value. */
export const secretVariable = (name: string): string => `SECRET_${name.toUpperCase().replaceAll('-', '_')}`

interface Named {
  readonly name: string
  readonly secrets: Secrets
  readonly settings: readonly Setting[]
}

/** @throws Error that names the secret of the service, and the rule. */
export function checkSecrets({ name: service, secrets, settings }: Named): void {
  const wrong = Object.keys(secrets).find((name) => !NAME.test(name))
  if (wrong !== undefined)
    throw new Error(
      `${service} can't have the secret "${wrong}": it takes lower-case letters and digits in parts with one hyphen between them, beginning with a letter, as in partner-key.`,
    )
  for (const [name, use] of Object.entries(secrets))
    if (typeof use !== 'string' && !settings.includes(use.where.setting))
      throw new Error(
        `${service} reads the secret ${name} where ${use.where.setting.name} has some value, but does not have this setting: add it to its \`settings\`.`,
      )
}

/** In one sentence. */
export const purposeOf = (use: Secrets[string]): string => (typeof use === 'string' ? use : use.purpose)

/**
 * The secrets that a service with these variables reads.
 * @throws Error for a setting of a condition that is missing or has a wrong value
 */
export const secretsReadWith = (secrets: Secrets, variables: Readonly<Record<string, string | undefined>>): string[] =>
  Object.entries(secrets)
    .filter(([, use]) => typeof use === 'string' || use.where.holds(variables[use.where.setting.name]))
    .map(([name]) => name)

/** Every secret of these services once. */
export const secretNamesOf = (services: readonly { readonly secrets: Secrets }[]): string[] => [
  ...new Set(services.flatMap(({ secrets }) => Object.keys(secrets))),
]

/** Whether a service starts with this value. */
export const isSecretValue = (value: string): boolean => VALUE.test(value)

/** Why this is no value of a secret, without the value; undefined: it is one. */
export function faultOf(name: string, value: string | undefined): string | undefined {
  if (!value)
    return `The secret ${name} has no value: add a version (npm run secret -- set ${name}), and deploy the service with its number.`
  if (isSecretValue(value)) return undefined
  return `The secret ${name} has a wrong value of ${value.length} characters: it takes visible ASCII characters without white space at its ends. Add a version (npm run secret -- set ${name}), and deploy the service with its number.`
}
