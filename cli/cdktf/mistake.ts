/** Finds a mistake in the words after `npm run cdktf --` before the CDKTF CLI is installed, or anything asks for credentials. */

import { existsSync } from 'node:fs'
import { nearestOrAll } from '../../shared/base/nearest.ts'
import type { StackOrder } from '../../shared/service/stack-order.ts'
import { isNumber, NUMBER } from '../forgotten-dashes.ts'
import { type CdktfCommand, cdktfCommands, cdktfOptions, shortOptions } from './options.ts'

export interface Known {
  /** By name. */
  readonly environments: readonly string[]
  readonly stacks: StackOrder
}

/** A line of words, read as the CDKTF CLI does. */
export interface Line {
  readonly command: string
  /** The words that are neither options nor their values. */
  readonly words: readonly string[]
  readonly options: readonly { readonly name: string; readonly values: readonly string[] }[]
}

export function readLine([command = '', ...others]: readonly string[]): Line {
  const words: string[] = []
  const options: { name: string; values: string[] }[] = []
  for (const word of others) {
    const open = options.at(-1)
    const [, dashes, typed = '', given] = /^(--?)([^=]*)(?:=(.*))?$/s.exec(word) ?? []
    if (dashes !== undefined && typed !== '') {
      const name = dashes === '-' ? (shortOptions[typed] ?? word) : kebab(typed)
      options.push({ name, values: given === undefined ? [] : [given] })
    } else if (open && takesMore(open)) open.values.push(word)
    else words.push(word)
  }
  return { command, words, options }
}

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

function takesMore({ name, values }: { name: string; values: readonly string[] }): boolean {
  const option = declared(name)
  return option?.kind === 'parsed' && (values.length === 0 || option.isList === true)
}

const declared = (name: string) => (Object.hasOwn(cdktfOptions, name) ? cdktfOptions[name] : undefined)

/** The error about the first mistake, with the remedy; undefined if the line has none. */
export function mistakeIn(args: readonly string[], known: Known): string | undefined {
  const [command] = args
  if (command === undefined || command.startsWith('-')) return undefined
  if (!Object.hasOwn(cdktfCommands, command))
    return `cdktf has no command ${command}. ${nearestOrAll(command, Object.keys(cdktfCommands), 'There are:')}`
  const line = readLine(args)
  if (line.options.some(({ name }) => name === 'help')) return undefined
  const { stacks, options } = cdktfCommands[command]!
  return (
    (options && wrongOption(line, options)) ??
    (stacks && (wrongNumber(line, stacks, known) ?? wrongStack(line, known) ?? lackingStack(line, known)))
  )
}

function wrongOption({ command, options }: Line, taken: readonly string[]): string | undefined {
  for (const { name, values } of options) {
    if (!taken.includes(name) && !taken.includes(name.replace(/^no-/, ''))) {
      const typed = name.startsWith('-') ? name : `--${name}`
      const dashed = taken.map((one) => `--${one}`)
      return `cdktf ${command} has no option ${typed}, and would ignore it. ${nearestOrAll(typed, dashed, 'There are:')}`
    }
    const { kind, placeholder } = declared(name) ?? { kind: 'boolean' as const }
    if (kind === 'boolean') continue
    const [first] = values
    if (first === undefined) return `--${name} has no value: it takes ${placeholder}.`
    const isWrong = placeholder === NUMBER ? !isNumber(first) && first !== '-1' : false
    if (isWrong) return `--${name} "${first}": it takes a whole number.`
    const unnamed = name === 'var' ? values.find((one) => !/^[\w-]+=/.test(one)) : undefined
    if (unnamed !== undefined) return `--var "${unnamed}": it takes NAME=VALUE. The names of stacks come before it.`
    const missing = name === 'var-file' ? values.find((file) => !existsSync(file)) : undefined
    if (missing !== undefined) return `--var-file ${missing}: there is no such file.`
  }
  return undefined
}

/** CDKTF reads the first stack of `diff` only, and no pattern there. */
function wrongNumber(
  { command, words }: Line,
  takes: CdktfCommand['stacks'],
  { environments: [environment = ''], stacks }: Known,
): string | undefined {
  const one = `${environment}-${Object.keys(stacks)[0]}`
  const all = `'${environment}-*'`
  if (words.length === 0)
    return takes === 'one'
      ? `${command} needs the name of one stack, such as ${one}: npm run cdktf -- list prints them.`
      : `${command} needs the names of stacks, such as ${one} or ${all} for all of ${environment}: npm run cdktf -- list prints them.`
  if (takes === 'several') return undefined
  if (words.length > 1) return `${command} takes one stack, and "${words[1]}" is one too many: run it for each stack.`
  return words[0]!.includes('*')
    ? `${command} takes the name of one stack, and no pattern as "${words[0]}".`
    : undefined
}

function wrongStack({ command, words }: Line, { environments, stacks }: Known): string | undefined {
  const parts = Object.keys(stacks)
  const names = namesOf(environments, parts)
  for (const word of words) {
    // A pattern may name the local stacks beside others.
    if (/^local(-|$)/.test(word) || namesOf(['local'], parts).some((name) => matches(word, name)))
      return `${word} is not for Google Cloud: npm start runs the local stacks. Those to ${command} begin with ${environments.join(', ')}.`
    if (names.some((name) => matches(word, name))) continue
    if (environments.includes(word))
      return `${word} is an environment: ${command} takes stacks, such as ${word}-${parts[0]}, or '${word}-*' for all of it.`
    const environment = word.split('-')[0]!
    return environments.includes(environment)
      ? `There is no stack ${word}. ${nearestOrAll(word, namesOf([environment], parts), 'There are:')}`
      : `There is no environment ${environment}. ${nearestOrAll(environment, environments, 'There are:')}`
  }
  return undefined
}

/** CDKTF refuses several stacks without those on which they depend, and to destroy one without those that depend on it. */
function lackingStack({ command, words, options }: Line, { environments, stacks }: Known): string | undefined {
  const isDestroy = command === 'destroy'
  const isAlone = words.length === 1 && !words[0]!.includes('*')
  const isChecked = isDestroy || (['deploy', 'apply'].includes(command) && !isAlone)
  if (!isChecked || options.some(({ name }) => name === 'ignore-missing-stack-dependencies')) return undefined
  for (const environment of environments)
    for (const [part, before] of Object.entries(stacks)) {
      const isNamed = (one: string): boolean => words.some((word) => matches(word, `${environment}-${one}`))
      if (!isNamed(part)) continue
      const after = Object.keys(stacks).filter((one) => stacks[one]!.includes(part))
      const lacking = (isDestroy ? after : before).filter((one) => !isNamed(one)).map((one) => `${environment}-${one}`)
      if (lacking.length === 0) continue
      return isDestroy
        ? `${lacking.join(', ')} ${lacking.length === 1 ? 'depends' : 'depend'} on ${environment}-${part}: destroy them with it, as '${environment}-*', or first.`
        : `${environment}-${part} depends on ${lacking.join(', ')}: name what lacks too, or deploy one stack at a time.`
    }
  return undefined
}

const namesOf = (environments: readonly string[], parts: readonly string[]): string[] =>
  environments.flatMap((environment) => parts.map((part) => `${environment}-${part}`))

/** The stacks of the environment that the words name; `*` stands for any characters. */
export const namedIn = (words: readonly string[], environment: string, { stacks }: Known): string[] =>
  Object.keys(stacks).filter((part) => words.some((word) => matches(word, `${environment}-${part}`)))

function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[^\w-]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('.*')}$`).test(name)
}
