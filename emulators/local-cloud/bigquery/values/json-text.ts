/** JSON as BigQuery keeps it: the members of an object in the order of their names, as bytes. */

const byName = ([one]: readonly [string, string], [other]: readonly [string, string]): number =>
  Buffer.compare(Buffer.from(one), Buffer.from(other))

/** Strings, brackets, commas, and all that stands between them. */
const tokenPattern = /"(?:\\.|[^"\\])*"|[[\]{},:]|[^\s"[\]{},:]+/gs

/** The text without white space; numbers are as they are written. @param text JSON without errors. */
export function sortedJson(text: string): string {
  const tokens = text.match(tokenPattern) ?? []
  let at = 0
  const value = (): string => {
    const token = tokens[at++]!
    if (token === '[') return `[${items(']', value).join(',')}]`
    if (token !== '{') return token
    const members = items('}', (): readonly [string, string] => {
      const name = tokens[at]!
      // The name and its colon.
      at += 2
      return [JSON.parse(name) as string, `${name}:${value()}`]
    })
    return `{${members
      .toSorted(byName)
      .map(([, member]) => member)
      .join(',')}}`
  }
  const items = <T>(end: string, read: () => T): T[] => {
    const found: T[] = []
    while (tokens[at] !== end) {
      found.push(read())
      if (tokens[at] === ',') at += 1
    }
    at += 1
    return found
  }
  return value()
}

/** The first number that is neither in the range of INT64 or UINT64 nor exactly a FLOAT64. */
export const inexactNumber = (text: string): string | undefined =>
  text
    .match(tokenPattern)
    ?.find(
      (token) =>
        /^-?\d{16,}$/.test(token) &&
        (BigInt(token) < -(2n ** 63n) || BigInt(token) >= 2n ** 64n) &&
        BigInt(token) !== BigInt(Number(token)),
    )
