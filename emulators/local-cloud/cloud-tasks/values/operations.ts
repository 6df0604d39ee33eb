/** The billed operations of Cloud Tasks: API calls and push attempts, one for each 32 KB: https://cloud.google.com/tasks/pricing. */

import type { CloudContext } from '../../core/plugin.ts'
import { limits } from './limits.ts'

/** `name`: of the queue, or of a task in it. */
export function countOperation({ count }: Pick<CloudContext, 'count'>, name: string, bytes: number): void {
  const operations = Math.max(1, Math.ceil(bytes / limits.operationBytes))
  count('tasks.operations', operations)
  const [, queue] = /\/queues\/([^/]+)/.exec(name) ?? []
  if (queue) count(`tasks.operations.${queue}`, operations)
}
