/** The name that was probably meant by a misspelt one. */

/** Undefined when none is near: more than a third of its letters, and more than two, would have to change. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((name) => ({ name, edits: editsBetween(typed.toLowerCase(), name.toLowerCase()) }))
    .toSorted((a, b) => a.edits - b.edits)
  return best && best.edits <= Math.max(2, Math.floor(typed.length / 3)) ? best.name : undefined
}

/** The end of an error about an unknown name: `Did you mean dev?`, or after `listed` all names. */
export function nearestOrAll(typed: string, names: readonly string[], listed: string): string {
  const meant = nearest(typed, names)
  return meant === undefined ? `${listed} ${names.join(', ')}.` : `Did you mean ${meant}?`
}

/** Insertions, deletions and replacements (Levenshtein). */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let index = 0; index < from.length; index++) {
    const next = [index + 1]
    for (let column = 1; column <= to.length; column++) {
      const replaced = row[column - 1]! + (to[column - 1] === from[index] ? 0 : 1)
      next.push(Math.min(replaced, row[column]! + 1, next[column - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
