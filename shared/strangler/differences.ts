/** The places at which two JSON values differ. */

/** Of one comparison; more than these say nothing new. */
const MAX_DIFFERENCES = 20

export interface Difference {
  /** With dots, and numbers of lists: `lines.0.quantity`; the whole value is the empty text. */
  readonly path: string
  readonly kind: 'missing' | 'added' | 'changed'
}

/** @param ignored Members that are not compared: paths without the numbers of lists. */
export function differencesOf(first: unknown, second: unknown, ignored: readonly string[] = []): Difference[] {
  const found: Difference[] = []
  const add = (path: readonly string[], kind: Difference['kind']): void => {
    if (found.length < MAX_DIFFERENCES) found.push({ path: path.join('.'), kind })
  }
  function compare(one: unknown, other: unknown, path: readonly string[]): void {
    if (ignored.includes(path.filter((part) => !/^\d+$/.test(part)).join('.')) || one === other) return
    if (!isObject(one) || !isObject(other) || Array.isArray(one) !== Array.isArray(other)) return add(path, 'changed')
    for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
      const at = [...path, name]
      if (ignored.includes(at.filter((part) => !/^\d+$/.test(part)).join('.'))) continue
      if (!Object.hasOwn(other, name)) add(at, 'missing')
      else if (!Object.hasOwn(one, name)) add(at, 'added')
      else compare(one[name], other[name], at)
    }
  }
  compare(first, second, [])
  return found
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
