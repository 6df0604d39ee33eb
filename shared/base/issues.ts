/** The faults that a schema finds, in one line of bounded length, since it quotes text of untrusted callers. */

import { shortened } from './shortened.ts'

/** The rest is reported when these are fixed. */
const MAX_REPORTED_ISSUES = 20
const ISSUE_CHARACTERS = 200

export interface Issues {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]
}

/** The same as data, one for each place. */
export const violationsOf = ({ issues }: Issues, whole: string): { field: string; description: string }[] =>
  issues.slice(0, MAX_REPORTED_ISSUES).map(({ path, message }) => ({
    field: shortened(path.map(String).join('.') || whole, ISSUE_CHARACTERS),
    description: shortened(message, ISSUE_CHARACTERS),
  }))

/** `whole` names the place of an issue that concerns the whole value. */
export function listOf({ issues }: Issues, whole: string): string {
  const messages = issues
    .slice(0, MAX_REPORTED_ISSUES)
    .map(({ path, message }) => shortened(`${path.map(String).join('.') || whole}: ${message}`, ISSUE_CHARACTERS))
  if (issues.length > MAX_REPORTED_ISSUES) messages.push(`and ${issues.length - MAX_REPORTED_ISSUES} more`)
  return messages.join('; ')
}
