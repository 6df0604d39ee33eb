/** Prints and follows the logs of the running services. */

import { existsSync, mkdirSync, readdirSync, watch } from 'node:fs'
import { join } from 'node:path'
import { services } from '../functions/index.ts'
import { dataDirectory, findRunning, flag, main, UsageError, wholeNumber } from './command.ts'
import { type LogReader, logReader } from './logs/reader.ts'
import { printError, say, shown } from './terminal.ts'

void main('logs', {
  brief: 'Follows the logs of one service, or of all, until Ctrl-C. The files are in .data/logs/.',
  words: { name: 'SERVICE', brief: services.map(({ name }) => name).join(', '), max: 1 },
  options: {
    lines: wholeNumber('number of earlier lines to print for each service', 20, {}),
    'no-follow': flag('print the existing lines and exit'),
    json: flag('print the lines as JSON, with all fields'),
  },
  async run(values, [service]) {
    if (service && !services.some(({ name }) => name === service)) {
      throw new UsageError(
        `There is no service "${service}". There are: ${services.map(({ name }) => name).join(', ')}.`,
      )
    }
    const folder = join(dataDirectory(), 'logs')
    const runs = findRunning() !== undefined
    if (!runs && !existsSync(folder)) throw new UsageError('There are no logs yet: start Millrace with npm start.')
    const isWanted = (file: string): boolean => (service ? file === `${service}.log` : file.endsWith('.log'))
    const print = ({ file, line }: Line): void =>
      say(values.json ? line : readable(file.slice(0, -'.log'.length), line))

    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const reader = logReader(folder)
    const files = readdirSync(folder).filter(isWanted)
    const kept = (await Promise.all(files.map((file) => last(reader, file, values.lines)))).flat()
    for (const line of kept.toSorted((a, b) => timeOf(a.line).localeCompare(timeOf(b.line)))) print(line)
    if (kept.length === 0)
      printError(
        service
          ? `${service} has no log yet: it starts at its first request.`
          : 'There are no logs yet: services start at their first request.',
      )
    if (values['no-follow']) return
    if (runs) await follow(folder, reader, isWanted, print)
    else printError('Millrace is not running here, so no more lines follow: start it with npm start.')
  },
})

interface Line {
  readonly file: string
  readonly line: string
}

/** The last lines of a file, and of its predecessor if it was rotated a short while ago. */
async function last(reader: LogReader, file: string, count: number): Promise<Line[]> {
  const lines = await reader.read(file)
  const earlier = lines.length < count ? await reader.read(`${file}.1`).catch(() => []) : []
  const all = [...earlier, ...lines]
  return all.slice(Math.max(0, all.length - count)).map((line) => ({ file, line }))
}

/** Prints appended lines until Ctrl-C, also of services that start later. */
async function follow(
  folder: string,
  reader: LogReader,
  isWanted: (file: string) => boolean,
  print: (line: Line) => void,
): Promise<void> {
  let reading = Promise.resolve()
  const readNew = (file: string): void => {
    reading = reading
      .then(async () => {
        for (const line of await reader.read(file)) print({ file, line })
      })
      // During a rotation the file does not exist for a moment: the next event reads it from its first line.
      .catch(() => {})
  }
  const watcher = watch(folder, (_, file) => {
    if (file && isWanted(file)) readNew(file)
  })
  // Lines that were appended while the earlier ones were read.
  for (const file of readdirSync(folder)) if (isWanted(file)) readNew(file)
  await new Promise<void>((resolve) => process.once('SIGINT', resolve))
  watcher.close()
  await reading
}

/** Lines without a time (a stack trace, a warning of Node) come first. */
function timeOf(line: string): string {
  try {
    return String((JSON.parse(line) as { time?: unknown }).time ?? '')
  } catch {
    return ''
  }
}

/** A line of Cloud Logging's JSON as text for people; any other line unchanged. */
function readable(service: string, line: string): string {
  try {
    const { severity, message, time, timestamp, ...rest } = JSON.parse(line) as Record<string, unknown>
    const at = String(time ?? timestamp ?? '').slice(11, 23)
    const correlation = (rest['correlationId'] ??
      (rest['logging.googleapis.com/labels'] as Record<string, unknown> | undefined)?.['correlationId']) as
      | string
      | undefined
    return `${shown(at)} ${service.padEnd(13)} ${shown(String(severity ?? '')).padEnd(7)} ${shown(String(message ?? ''))}${correlation ? `  ${shown(correlation)}` : ''}`
  } catch {
    return `${' '.repeat(12)} ${service.padEnd(13)} ${shown(line)}`
  }
}
