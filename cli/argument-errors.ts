/** Errors for wrong arguments: each names the word and, if it is clear, the intended command line. */

import {
  AliasNotFoundError,
  ArgumentParseError,
  FlagNotFoundError,
  text_en,
  UnexpectedFlagError,
  UnexpectedPositionalError,
  UnsatisfiedFlagError,
} from '@stricli/core'
import { nearest, nearestOrAll } from '../shared/base/nearest.ts'
import { type Declared, isNumber, NUMBER, placeholderOf, quoted } from './forgotten-dashes.ts'

/** An option with the function that reads its value. */
interface Parsed extends Declared {
  readonly parse?: (typed: string) => unknown
}

export interface TypedLine {
  /** `npm run logs` */
  readonly call: string
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, Parsed>>
  /** Of a program that runs one of its subcommands when none is typed, and none is: their names. */
  readonly commands?: readonly string[] | undefined
}

export function argumentError(error: unknown, line: TypedLine): string {
  if (error instanceof FlagNotFoundError) {
    const [meant] = error.corrections
    return `There is no option --${error.input}${meant === undefined ? '' : `. Did you mean --${meant}?`}`
  }
  if (error instanceof AliasNotFoundError) return `There is no option -${error.input}`
  if (error instanceof ArgumentParseError)
    return `--${error.externalFlagNameOrPlaceholder} "${error.input}": ${reasonOf(error.exception)}`
  if (error instanceof UnsatisfiedFlagError) {
    const { externalFlagName: name, nextFlagName: next } = error
    return `--${name} has no value: it takes ${valueOf(line.options[name])}${next === undefined ? '' : `, and --${next} follows it`}`
  }
  if (error instanceof UnexpectedFlagError)
    return `--${error.externalFlagName} takes one value, and has two: "${error.previousInput}" and "${error.input}"`
  if (error instanceof UnexpectedPositionalError) return strayWord(error, line)
  return text_en.exceptionWhileParsingArguments(error, false)
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const valueOf = (declared: Parsed | undefined): string => {
  const placeholder = declared ? placeholderOf(declared) : 'a value'
  return placeholder === NUMBER ? 'a number' : placeholder
}

function strayWord({ expectedCount, input }: UnexpectedPositionalError, line: TypedLine): string {
  const { call, args, options, commands } = line
  const some =
    expectedCount === 0
      ? 'no words, only options'
      : `${expectedCount === 1 ? 'one word' : `${expectedCount} words`}, and then options`
  const option = optionMeant(input, options)
  if (commands && (option === undefined || nearest(input, commands) !== undefined))
    return `There is no command "${input}". ${nearestOrAll(input, commands, 'There are:')}`
  if (option === undefined) return `This command takes ${some}: "${input}" is one too many`
  const meant = args.flatMap((word) => (word === input ? option : [word]))
  return `This command takes ${some}. Did you mean ${[call, '--', ...meant.map(quoted)].join(' ')}?`
}

/** The option that was meant by a word: one with that name, or the only one that takes such a value. */
function optionMeant(word: string, options: TypedLine['options']): readonly string[] | undefined {
  const flags = Object.keys(options).filter((name) => options[name]!.kind === 'boolean')
  const flag = nearest(word, flags)
  if (flag !== undefined) return [`--${flag}`]
  const taking = Object.entries(options).filter(
    ([, declared]) =>
      declared.kind === 'parsed' && (placeholderOf(declared) === NUMBER) === isNumber(word) && parses(declared, word),
  )
  return taking.length === 1 ? [`--${taking[0]![0]}`, word] : undefined
}

function parses({ parse = String }: Parsed, word: string): boolean {
  try {
    parse(word)
    return true
  } catch {
    return false
  }
}
