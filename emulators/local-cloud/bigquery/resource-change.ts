/** How PATCH and PUT change the resource of a dataset or a table. */

/** The fields that no request changes. */
const fixed: ReadonlySet<string> = new Set(
  'kind id selfLink type location creationTime datasetReference tableReference'.split(' '),
)

type Change = Readonly<Record<string, unknown>>

/** PATCH changes the sent fields, also inside a partitioning; a null removes one. */
export function patched<T extends object>(before: T, change: Change): T {
  const next = { ...before } as Record<string, unknown>
  for (const [name, value] of Object.entries(change)) {
    if (fixed.has(name)) continue
    if (value === null) delete next[name]
    else next[name] = name.endsWith('Partitioning') ? { ...(next[name] as object), ...(value as object) } : value
  }
  return next as T
}

/** PUT removes the fields that are not sent. */
export const replaced = <T extends object>(before: T, body: Change): T =>
  patched(Object.fromEntries(Object.entries(before).filter(([name]) => fixed.has(name))) as T, body)
