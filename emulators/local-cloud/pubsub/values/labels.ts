/** Labels as Google Cloud allows them: https://cloud.google.com/resource-manager/docs/labels-overview#requirements. */

import { invalidArgument } from '../../core/status.ts'
import { limits } from './limits.ts'
import { checkRange } from './names.ts'

const KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u
const VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u

export function checkLabels(labels: unknown): Record<string, string> {
  const checked = { ...(labels as Record<string, string> | null | undefined) }
  checkRange('label_count', Object.keys(checked).length, { min: 0, max: limits.labels })
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
