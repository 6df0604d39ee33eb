/** The part of IAM's condition language that stacks use: https://cloud.google.com/iam/docs/conditions-overview */

import { invalidArgument } from '../../core/status.ts'

export interface Condition {
  readonly title?: string
  readonly description?: string
  readonly expression: string
}

const equals = /^resource\.name\s*==\s*(["'])([^"']+)\1$/
const startsWith = /^resource\.name\.startsWith\(\s*(["'])([^"']+)\1\s*\)$/

/** @throws INVALID_ARGUMENT for unsupported expressions: a grant must not widen or vanish silently. */
export function checkCondition({ title, expression }: Condition): void {
  if (!title) throw invalidArgument(`The condition "${expression}" has no title.`)
  for (const term of terms(expression)) {
    if (equals.test(term) || startsWith.test(term)) continue
    throw invalidArgument(
      `The local cloud does not evaluate the condition "${expression}": it knows resource.name == "…", resource.name.startsWith("…"), and these joined by ||.`,
    )
  }
}

/** Whether the condition holds for a resource of that name, as the resource's own API writes it. */
export function holds(condition: Condition | undefined, name: string): boolean {
  if (!condition) return true
  return terms(condition.expression).some(
    (term) => equals.exec(term)?.[2] === name || name.startsWith(startsWith.exec(term)?.[2] ?? '\u0000'),
  )
}

const terms = (expression: string): string[] => expression.split('||').map((term) => term.trim())
