/** Labels as Google Cloud allows them: https://cloud.google.com/resource-manager/docs/labels-overview#requirements. */

import { invalidArgument } from './status.ts'

const KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u
const VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u

/** @throws INVALID_ARGUMENT that names the label, or their number above `max` */
export function checkLabels(labels: unknown, max = Infinity): Record<string, string> {
  const checked = { ...(labels as Record<string, string> | null | undefined) }
  const count = Object.keys(checked).length
  if (count > max) throw invalidArgument(`labels: ${count} labels, at most ${max} are allowed.`)
  for (const [key, value] of Object.entries(checked)) {
    if (!KEY.test(key)) {
      throw invalidArgument(
        `Invalid label key "${key}": it must start with a lower-case letter and contain only lower-case letters, ` +
          'digits, "_" and "-", at most 63 of them.',
      )
    }
    if (!VALUE.test(value)) {
      throw invalidArgument(
        `Invalid label value "${value}" of "${key}": it must contain only lower-case letters, digits, "_" and "-", at most 63 of them.`,
      )
    }
  }
  return checked
}
