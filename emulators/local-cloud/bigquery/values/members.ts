/** Finds JSON with two members of one name in an object: of these, `JSON.parse` keeps the last. */

/** @param parsed the value of the text. */
export function repeatsMember(text: string, parsed: unknown): boolean {
  const written = text.match(/"(?:\\.|[^"\\])*"\s*:?/gs)?.filter((one) => one.endsWith(':')) ?? []
  return written.length !== membersOf(parsed)
}

/** The number of members of all objects within. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const parts = Object.values(value)
  return parts.reduce((sum: number, part) => sum + membersOf(part), Array.isArray(value) ? 0 : parts.length)
}
