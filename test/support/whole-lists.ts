/** Long lists of the same kind: `npm test` takes those of each that tell most, `npm run verify` takes all. */

export const wholeLists = process.env['MILLRACE_VERIFY'] === '1'

/**
 * Those of `all` whose name is among `names`, in their order; all of them in `npm run verify`.
 * @throws Error when a name is not in the list
 */
export function representatives<T>(
  all: readonly T[],
  names: readonly string[],
  nameOf: (one: T) => string,
): readonly T[] {
  const missing = names.filter((name) => !all.some((one) => nameOf(one) === name))
  if (missing.length > 0) throw new Error(`No ${missing.join(', no ')} among ${all.map(nameOf).join(', ')}.`)
  return wholeLists ? all : all.filter((one) => names.includes(nameOf(one)))
}
