/** Refusals of our macros that the types of their arguments decide: DuckDB would raise them when it reads a row, and Google raises them without one. */

import { OWN_MESSAGE } from '../sql/engine-errors.ts'
import { type Part, typeOf } from './plan.ts'

/** @throws the message of the `error` that a CASE is certain to reach. DuckDB writes `typeof(x)` into the plan as a text. */
export function checkRefusal(part: Part): void {
  if (part.type !== 'CASE_EXPR') return
  const message = messageOf(takenBranch(part))
  if (message !== undefined) throw new Error(message)
}

/** The branches of a CASE that constant texts rule out: what is refused within them is not reached. */
export function deadBranches({ type, case_checks: checks = [], else_expr: otherwise }: Part): Part[] {
  if (type !== 'CASE_EXPR') return []
  const taken = checks.findIndex(({ when_expr: condition }) => truth(condition) === true)
  const dead = checks.filter(
    ({ when_expr: condition }, index) => (taken >= 0 && index > taken) || truth(condition) === false,
  )
  return [...dead.map(({ then_expr: result }) => result), ...(taken >= 0 && otherwise ? [otherwise] : [])]
}

/** Undefined where a value of a row decides. */
function takenBranch({ case_checks: checks = [], else_expr: otherwise }: Part): Part | undefined {
  const open = checks.filter(({ when_expr: condition }) => truth(condition) !== false)
  if (open.length === 0) return otherwise
  return truth(open[0]!.when_expr) === true ? open[0]!.then_expr : undefined
}

/** Of a condition on constant texts; undefined for any other. */
function truth(part: Part | undefined): boolean | undefined {
  const children = part?.children ?? []
  switch (part?.name ?? part?.type ?? '') {
    case 'COMPARE_EQUAL':
      return compared([part?.left, part?.right], ([left, right]) => left === right)
    case 'COMPARE_NOTEQUAL':
      return compared([part?.left, part?.right], ([left, right]) => left !== right)
    case 'COMPARE_IN':
      return compared(children, ([one, ...list]) => list.includes(one!))
    case 'COMPARE_NOT_IN':
      return compared(children, ([one, ...list]) => !list.includes(one!))
    // The patterns of our macros have no `_`.
    case '~~':
      return compared(children, ([one, pattern]) => likePattern(pattern!).test(one!))
    case 'OPERATOR_NOT': {
      const inner = truth(children[0])
      return inner === undefined ? undefined : !inner
    }
    case 'CONJUNCTION_AND':
      return joined(children, false)
    case 'CONJUNCTION_OR':
      return joined(children, true)
    default:
      return undefined
  }
}

const likePattern = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('%', '.*')}$`, 's')

function compared(
  parts: readonly (Part | undefined)[],
  compare: (texts: readonly string[]) => boolean,
): boolean | undefined {
  const texts = parts.map(textOf).filter((one) => one !== undefined)
  return texts.length === parts.length ? compare(texts) : undefined
}

/** @param deciding the truth of one part that decides all. */
function joined(parts: readonly Part[], deciding: boolean): boolean | undefined {
  const truths = parts.map(truth)
  if (truths.includes(deciding)) return deciding
  return truths.includes(undefined) ? undefined : !deciding
}

/** A constant text, also one that is cast to its own type. */
function textOf(part: Part | undefined): string | undefined {
  if (part?.expression_class === 'BOUND_CAST') return typeOf(part)?.id === 'VARCHAR' ? textOf(part.child) : undefined
  return typeof part?.value?.value === 'string' ? part.value.value : undefined
}

/** Of `error('BigQuery: ' || 'the message')`. A message with a value in it belongs to that value's row. */
function messageOf(part: Part | undefined): string | undefined {
  if (part?.expression_class === 'BOUND_CAST') return messageOf(part.child)
  if (part?.name !== 'error') return undefined
  const [message] = part.children ?? []
  const texts = (message?.name === '||' ? message.children : [message])?.map(textOf) ?? []
  return texts.includes(undefined) || texts[0] !== OWN_MESSAGE ? undefined : texts.join('')
}
