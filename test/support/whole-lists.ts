/** Long lists of similar items: `npm test` uses a representative selection of each, `npm run verify` the whole list. */

export const wholeLists = process.env['MILLRACE_VERIFY'] === '1'

/**
 * The items of `all` whose names are in `names`, in their order; all items in `npm run verify`.
 * @throws Error if a name is not in the list
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

/** The first and the last of items that one piece of code treats alike; all items in `npm run verify`. */
export const firstAndLast = <T>(all: readonly T[]): readonly T[] =>
  wholeLists ? all : all.filter((_, index) => index === 0 || index === all.length - 1)

/** One of `step` items, spread over the list; all items in `npm run verify`. */
export const oneOf = <T>(step: number, all: readonly T[]): readonly T[] =>
  wholeLists ? all : all.filter((_, index) => index % step === 0)
