/** Code that every command shares: options, `--help`, errors as one line, and the address of the running platform. */

import {
  type Application,
  type ApplicationText,
  buildApplication,
  buildCommand,
  buildRouteMap,
  type Command as Built,
  type CommandContext,
  type PartialApplicationConfiguration,
  run,
  text_en,
} from '@stricli/core'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunInfo, Running } from '../emulators/running.ts'
import { argumentError, type TypedLine } from './argument-errors.ts'
import { type ServiceState, unnamedStarts } from './failed-starts.ts'
import { type Declared, forgottenDashes } from './forgotten-dashes.ts'
import { isLocked } from './lock.ts'
import { printError, say, shown } from './terminal.ts'

export type { Running }

/** An error that the user can correct: printed as one line, exit code 1. */
export class UsageError extends Error {}

export const dataDirectory = (): string => process.env['MILLRACE_DATA'] ?? join(process.cwd(), '.data')
const runningFile = (): string => join(dataDirectory(), 'running.json')

/** The platform that runs in this working copy, or undefined. @throws UsageError when its file is damaged */
export function findRunning(): RunInfo | undefined {
  // A killed platform leaves its file behind.
  if (!existsSync(runningFile()) || !isLocked(dataDirectory())) return undefined
  return readRunInfo(runningFile())
}

function readRunInfo(file: string): RunInfo {
  try {
    const info = JSON.parse(readFileSync(file, 'utf8')) as Partial<RunInfo> | null
    if (typeof info?.pid === 'number') return info as RunInfo
  } catch {
    // Falls through to the error below.
  }
  throw new UsageError(`${file} is damaged: stop the Millrace that runs here, then run npm start again.`)
}

/** The platform that this command reads from or acts on. */
let required: Running | undefined

/** A command that calls it ends with the services that do not start. @throws UsageError when no platform runs here. */
export function requireRunning(): Running {
  const running = findRunning()
  if (!running) throw new UsageError('Millrace is not running here: start it with npm start.')
  if (!running.ready) throw new UsageError('Millrace is still starting here: wait until it prints "Ready".')
  required = running
  return running
}

export const secretOf = ({ secret }: Pick<Running, 'secret'>): Record<string, string> => ({
  'x-local-cloud-secret': secret,
})

/** An option whose values are of type T. */
export interface Option<T> extends Declared {
  readonly brief: string
  readonly parse?: (typed: string) => unknown
  readonly of?: T
}
export type Options = Readonly<Record<string, Option<unknown>>>
export type Values<O> = { readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never }

/** `--json` */
export const flag = (brief: string): Option<boolean | undefined> =>
  option({ kind: 'boolean', brief, optional: true, withNegated: false })

/** `--region NAME` */
export function text(name: string, brief: string): Option<string | undefined>
export function text(name: string, brief: string, byDefault: string): Option<string>
export function text(placeholder: string, brief: string, byDefault?: string): Option<string | undefined> {
  return option({
    kind: 'parsed',
    parse: String,
    placeholder,
    brief,
    default: byDefault,
    optional: byDefault === undefined,
  })
}

/** `--role ROLE --role ROLE` */
export const texts = (placeholder: string, brief: string): Option<readonly string[] | undefined> =>
  option({ kind: 'parsed', parse: String, placeholder, brief, variadic: true, optional: true })

interface Range {
  readonly from?: number
  readonly to?: number
}

/** `--lines N` */
export const wholeNumber = (brief: string, byDefault: number, range: Range): Option<number> =>
  option({ kind: 'parsed', parse: parseWholeNumber(range), placeholder: 'N', brief, default: String(byDefault) })

/** `--quantity N`, as often as it is needed. */
export const wholeNumbers = (brief: string, range: Range): Option<readonly number[] | undefined> =>
  option({
    kind: 'parsed',
    parse: parseWholeNumber(range),
    placeholder: 'N',
    brief,
    variadic: true,
    optional: true,
  })

export const parseWholeNumber =
  ({ from = 0, to = Infinity }: Range) =>
  (typed: string): number => {
    const value = Number(typed)
    if (/^\d+$/.test(typed) && value >= from && value <= to) return value
    throw new UsageError(`it takes a whole number from ${from}${to === Infinity ? '' : ` to ${to}`}`)
  }

const option = <T>(parameter: Option<T> & { readonly [more: string]: unknown }): Option<T> => parameter

export interface Command<O extends Options> {
  /** In one line. */
  readonly brief: string
  /** Further help text: details, examples. */
  readonly about?: string
  readonly options: O
  /** Positional arguments; absent: it takes no positional arguments. */
  readonly words?: { readonly name: string; readonly brief: string; readonly max: number }
  /** Returns the exit code; nothing is 0. */
  run(values: Values<O>, words: readonly string[]): Promise<number | void>
}

interface Context extends CommandContext {
  exitCode: number
}

/** One of the commands of a program. */
export interface Defined {
  readonly options: Options
  readonly built: Built<Context>
}

export function define<O extends Options>({ brief, about, options, words, run: act }: Command<O>): Defined {
  const word = { parse: String, brief: words?.brief ?? '', placeholder: words?.name ?? '' }
  const built = buildCommand<Values<O>, readonly (string | undefined)[], Context>({
    docs: { brief, fullDescription: about === undefined ? brief : `${brief}\n\n${about.replace(/^\n/, '')}` },
    // The functions above made the options, each with the type of its values.
    parameters: {
      flags: options,
      positional:
        words && words.max > 1
          ? { kind: 'array', parameter: word, maximum: words.max }
          : { kind: 'tuple', parameters: words ? [{ ...word, optional: true }] : [] },
    } as never,
    async func(values, ...given) {
      this.exitCode =
        (await act(
          values,
          given.filter((one) => one !== undefined),
        )) ?? 0
    },
  })
  return { options, built }
}

/** Runs the command `npm run NAME`, or `npm start`, with this process's arguments, and sets the process's exit code. */
export function main<O extends Options>(
  name: string,
  command: Command<O>,
  args = process.argv.slice(2),
): Promise<void> {
  const { options, built } = define(command)
  return start(name, { options, application: buildApplication(built, configFor(name, { options, args })) }, args)
}

/**
 * The same for a program with subcommands.
 * @param byDefault the subcommand that runs when none is typed; absent: the help is printed
 */
export function mainOf<Name extends string>(
  name: string,
  about: string,
  commands: Readonly<Record<Name, Defined>>,
  byDefault?: NoInfer<Name>,
): Promise<void> {
  const defined = Object.entries<Defined>(commands)
  const routes = Object.fromEntries(defined.map(([word, { built }]) => [word, built]))
  const root = buildRouteMap({ routes, docs: { brief: about }, ...(byDefault ? { defaultCommand: byDefault } : {}) })
  const options: Options = Object.assign({}, ...defined.map(([, command]) => command.options))
  const args = process.argv.slice(2)
  const isTyped = Object.hasOwn(commands, args[0] ?? '')
  // Of the subcommand that runs: a suggestion names no option of another one.
  const own = (isTyped ? args[0] : byDefault) as Name | undefined
  const config = configFor(name, {
    options: own === undefined ? options : commands[own].options,
    args,
    ...(isTyped ? {} : { commands: Object.keys(commands) }),
  })
  return start(name, { options, application: buildApplication(root, config) }, args)
}

/** As npm shortens it. */
const callOf = (name: string): string => (name === 'start' ? 'npm start' : `npm run ${name}`)

const configFor = (name: string, line: Omit<TypedLine, 'call'>): PartialApplicationConfiguration => ({
  name: `${callOf(name)} --`,
  scanner: { allowArgumentEscapeSequence: true },
  documentation: { disableAnsiColor: true },
  localization: { text: messagesFor({ call: callOf(name), ...line }) },
})

interface Program {
  readonly options: Options
  readonly application: Application<Context>
}

async function start(name: string, { options, application }: Program, args: readonly string[]): Promise<void> {
  // Otherwise Google's clients look for a metadata server, and warn that it is missing.
  process.env['METADATA_SERVER_DETECTION'] ??= 'none'
  const forgotten = forgottenDashes({ call: callOf(name), options, args, environment: process.env })
  if (forgotten !== undefined) {
    printError(forgotten)
    process.exitCode = 1
    return
  }
  const context = {
    process: {
      stdout: { write: (written: string) => say(written.trimEnd()) },
      stderr: { write: (written: string) => printError(written.trimEnd()) },
      exitCode: null,
    },
    exitCode: 0,
  }
  await run(application, args, context)
  if (required) await nameFailedStarts(required)
  // Stricli has several exit codes; ours for an error is 1.
  process.exitCode = context.process.exitCode === 0 ? context.exitCode : 1
}

const MAX_WAIT_MS = 2_000

/**
 * Whatever a command shows or starts, a service that does not start explains what is missing. On stderr, beside the output of
 * `--json`. Nothing about a platform that does not answer: the command's own error is about that.
 */
export async function nameFailedStarts(running: Running): Promise<void> {
  try {
    const response = await fetch(`http://${running.apiHost}/_local/run/processes`, {
      headers: secretOf(running),
      signal: AbortSignal.timeout(MAX_WAIT_MS),
    })
    const { services } = (await response.json()) as { readonly services: readonly ServiceState[] }
    for (const line of unnamedStarts(services)) printError(shown(line))
  } catch {
    // As above.
  }
}

const messagesFor = (line: TypedLine): ApplicationText => ({
  ...text_en,
  exceptionWhileParsingArguments: (error) => withHelp(argumentError(error, line)),
  noCommandRegisteredForInput: ({ input, corrections: [meant] }) =>
    withHelp(`There is no command "${input}"${meant === undefined ? '' : `. Did you mean ${meant}?`}`),
  exceptionWhileRunningCommand: explain,
})

const withHelp = (message: string): string => `${message}${/[?.]$/.test(message) ? '' : '.'} See --help.`

function explain(error: unknown): string {
  if (error instanceof UsageError) return error.message
  if ((error as { code?: string }).code === 'EPIPE') return ''
  if (error instanceof TypeError && error.message === 'fetch failed') {
    const { hostname, code } = (error.cause ?? {}) as { readonly hostname?: string; readonly code?: string }
    // The local platform is reached by its address: a name that was looked up is another machine's.
    return hostname === undefined
      ? 'Millrace went away before it answered. What was requested may have been done and goes on at the next npm start.'
      : `${hostname} can not be reached (${code}): check the network, then run the command again.`
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
