/**
 * `npm run logs --lines 5` without the `--`: npm reads the options as its own, sets an environment variable for each, and
 * hands on the other words without them. The line that was meant is put together again.
 */

export interface Declared {
  readonly kind: 'parsed' | 'boolean'
  /** Of an option with a value, as the help shows it: `N` is a number. */
  readonly placeholder?: string
}

export interface Typed {
  /** `npm run logs` */
  readonly call: string
  /** The options of the program, by name. */
  readonly options: Readonly<Record<string, Declared>>
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** The error with the line that was meant; undefined when npm consumed nothing. */
export function forgottenDashes({ call, options, args, environment }: Typed): string | undefined {
  const consumed = Object.entries(options).flatMap(([name, declared]) => {
    const values = environment[`npm_config_${name.replaceAll('-', '_')}`] ?? ''
    const isGiven = args.some((word) => word === `--${name}` || word.startsWith(`--${name}=`))
    return values === '' || values === 'false' || isGiven ? [] : [{ name, declared, values: values.split('\n\n') }]
  })
  if (consumed.length === 0) return undefined
  const wanted = consumed.flatMap(({ declared, values }) =>
    declared.kind === 'parsed' ? values.filter((value) => value === 'true').map(() => placeholderOf(declared)) : [],
  )
  // npm knows none of our options: it takes each without `=` for a flag, and its value for a word. Words come first.
  const words = [...args]
  const numbers = takeLast(words, wanted.filter((one) => one === NUMBER).length, isNumber)
  const texts = takeLast(words, wanted.filter((one) => one !== NUMBER).length, (word) => !isNumber(word))
  const valueOf = (declared: Declared, value: string): string[] => {
    if (declared.kind === 'boolean') return []
    if (value !== 'true') return [quoted(value)]
    const placeholder = placeholderOf(declared)
    const found = (placeholder === NUMBER ? numbers : texts).shift()
    return [found === undefined ? placeholder : quoted(found)]
  }
  // In turns, as in --seat A --lines 2 --seat B --lines 1.
  const turns = Array.from({ length: Math.max(...consumed.map(({ values }) => values.length)) }, (_, turn) => turn)
  const rebuilt = turns.flatMap((turn) =>
    consumed.flatMap(({ name, declared, values }) =>
      turn < values.length ? [`--${name}`, ...valueOf(declared, values[turn]!)] : [],
    ),
  )
  const names = consumed.map(({ name }) => `--${name}`).join(' and ')
  const line = [call, '--', ...words.map(quoted), ...rebuilt].join(' ')
  return `npm consumed ${names} itself (or an .npmrc sets it). Options come after "--": ${line}`
}

/** The placeholder of options that take a number. */
export const NUMBER = 'N'
export const placeholderOf = ({ placeholder = 'VALUE' }: Declared): string => placeholder
export const isNumber = (word: string): boolean => /^\d+$/.test(word)

/** Removes the last `count` words for which it holds, and returns them in their order. */
function takeLast(words: string[], count: number, holds: (word: string) => boolean): string[] {
  const places = words.flatMap((word, at) => (holds(word) ? [at] : [])).slice(count === 0 ? words.length : -count)
  return places
    .toReversed()
    .map((at) => words.splice(at, 1)[0]!)
    .toReversed()
}

export const quoted = (word: string): string =>
  /^[\w./:@=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
