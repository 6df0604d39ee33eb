/** What every command shares: its options, `--help`, one line for what went wrong, and where the platform runs. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, type ParseArgsConfig } from 'node:util'
import type { RunInfo, Running } from '../emulators/running.ts'
import { complain, say } from './terminal.ts'

export type { Running }

/** A fault that is the caller's to mend: printed as one line, exit code 1. */
export class UsageError extends Error {}

export const dataDirectory = (): string => process.env['MILLRACE_DATA'] ?? join(process.cwd(), '.data')
const runningFile = (): string => join(dataDirectory(), 'running.json')

/** The platform that runs in this checkout, or undefined. @throws UsageError when its file is damaged */
export function findRunning(): RunInfo | undefined {
  if (!existsSync(runningFile())) return undefined
  const running = readRunInfo(runningFile())
  try {
    process.kill(running.pid, 0)
    return running
  } catch {
    return undefined
  }
}

function readRunInfo(file: string): RunInfo {
  try {
    const info = JSON.parse(readFileSync(file, 'utf8')) as Partial<RunInfo> | null
    if (typeof info?.pid === 'number') return info as RunInfo
  } catch {
    // Falls through to the error below.
  }
  throw new UsageError(`${file} is damaged: stop Millrace if it runs, delete that file, then run npm start again.`)
}

/** @throws UsageError when nothing runs here. */
export function requireRunning(): Running {
  const running = findRunning()
  if (!running) throw new UsageError('Millrace does not run here: start it with npm start.')
  if (!running.ready) throw new UsageError('Millrace is still starting here: wait until it says that it is ready.')
  return running
}

export const secretOf = ({ secret }: Pick<Running, 'secret'>): Record<string, string> => ({
  'x-millrace-secret': secret,
})

export type Options = NonNullable<ParseArgsConfig['options']>

export interface Command<O extends Options> {
  readonly usage: string
  readonly options: O
  /** How many words it takes besides its options at most; absent: none. */
  readonly words?: number
  run(values: Values<O>, positionals: readonly string[]): Promise<number | void>
}

type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>['values']

const help = { help: { type: 'boolean', short: 'h' } } as const

/** Runs a command with this process's arguments and ends the process with its exit code. */
export async function main<O extends Options>(command: Command<O>, args = process.argv.slice(2)): Promise<void> {
  // Google's clients would look for a metadata server, and warn that a laptop has none.
  process.env['METADATA_SERVER_DETECTION'] ??= 'none'
  process.exitCode = await execute(command, args)
}

async function execute<O extends Options>(command: Command<O>, args: string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args,
      options: { ...command.options, ...help },
      allowPositionals: true,
    })
    if ((values as { help?: boolean }).help) {
      say(command.usage.trim())
      return 0
    }
    refuseWords(positionals, command.words ?? 0)
    return (await command.run(values, positionals)) ?? 0
  } catch (error) {
    complain(explain(error))
    return 1
  }
}

/** A word that nobody looks at would seem to be obeyed. */
function refuseWords(words: readonly string[], most: number): void {
  if (words.length <= most) return
  const takes =
    most === 0 ? 'no words, only options' : `${most === 1 ? 'one word' : `${most} words`} at most besides its options`
  throw new UsageError(`What is "${words[most]}"? This command takes ${takes}: see --help.`)
}

/** Node's own words are for who writes a command, not for who types it. */
function explainOption(message: string): string {
  const name = /'(?:-\w, )?(--?[\w-]+)/.exec(message)?.[1]
  if (message.startsWith('Unknown option')) return `There is no option ${name}: --help shows what this command takes.`
  return message.includes('does not take') ? `${name} takes no value.` : `${name} takes a value: --help shows which.`
}

function explain(error: unknown): string {
  if (error instanceof UsageError) return error.message
  const { code, message } = error as { code?: string; message?: string }
  if (code?.startsWith('ERR_PARSE_ARGS')) return explainOption(message!)
  if (code === 'EPIPE') return ''
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
