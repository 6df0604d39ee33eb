/** Labels of Pub/Sub's resources, with their number in its own words. */

import { checkLabels as checkEach } from '../../core/labels.ts'
import { limits } from './limits.ts'
import { checkRange } from './names.ts'

export function checkLabels(labels: unknown): Record<string, string> {
  checkRange('label_count', Object.keys(labels ?? {}).length, { min: 0, max: limits.labels })
  return checkEach(labels)
}
