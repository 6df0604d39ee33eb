/** Prints and follows the logs of the running services. */

import { existsSync, mkdirSync, readdirSync, watch } from 'node:fs'
import { join } from 'node:path'
import { services } from '../functions/index.ts'
import { dataDirectory, findRunning, flag, main, nameFailedStarts, text, UsageError, wholeNumber } from './command.ts'
import { tools } from '../functions/tools.ts'
import { lineFilter, readable } from './logs/line.ts'
import { type LogReader, logReader } from './logs/reader.ts'
import { nearestOrAll } from '../shared/base/nearest.ts'
import { printError, say } from './terminal.ts'

/** The option is called as the business calls its unit. */
const unitOption = tools.unit?.one ?? 'correlation'

void main('logs', {
  brief: 'Follows the logs of one service, or of all, until Ctrl-C. The files are in .data/logs/.',
  about: `
Warnings and errors are printed with their fields, their reason and the top of the stack; --json prints everything.

  npm run logs -- --level error --no-follow`,
  words: { name: 'SERVICE', brief: services.map(({ name }) => name).join(', '), max: 1 },
  options: {
    lines: wholeNumber('number of earlier lines to print for each service', 20, {}),
    'no-follow': flag('print the existing lines and exit'),
    json: flag('print the lines as JSON, with all fields'),
    level: text('LEVEL', 'only lines of at least this severity: debug, info, notice, warning, error'),
    grep: text('TEXT', 'only lines that contain this text, in upper or lower case'),
    [unitOption]: text(
      'ID',
      `only lines with this correlation id${tools.unit ? `: the id of one ${tools.unit.one}` : ''}`,
    ),
  },
  async run(values, [service]) {
    if (service && !services.some(({ name }) => name === service)) {
      throw new UsageError(
        `There is no service "${service}". ${nearestOrAll(
          service,
          services.map(({ name }) => name),
          'There are:',
        )}`,
      )
    }
    const folder = join(dataDirectory(), 'logs')
    const isMatching = lineFilter({
      level: values.level,
      correlationId: values[unitOption] as string | undefined,
      text: values.grep,
    })
    const running = findRunning()
    if (!running && !existsSync(folder)) throw new UsageError('There are no logs yet: start Millrace with npm start.')
    const isWanted = (file: string): boolean => (service ? file === `${service}.log` : file.endsWith('.log'))
    const print = ({ file, line }: Line): void =>
      say(values.json ? line : readable(file.slice(0, -'.log'.length), line))
    const printMatching = (line: Line): void => {
      if (isMatching(line.line)) print(line)
    }

    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const reader = logReader(folder)
    const files = readdirSync(folder).filter(isWanted)
    const kept = (await Promise.all(files.map((file) => last(reader, file, values.lines, isMatching)))).flat()
    for (const line of kept.toSorted((a, b) => timeOf(a.line).localeCompare(timeOf(b.line)))) print(line)
    if (kept.length === 0)
      printError(
        files.length > 0
          ? 'No line matches yet.'
          : service
            ? `${service} has no log yet: it starts at its first request.`
            : 'There are no logs yet: services start at their first request.',
      )
    if (running) await nameFailedStarts(running)
    if (values['no-follow']) return
    if (running) {
      printError('Further lines follow as they are written. Ctrl-C ends this.')
      await follow(folder, reader, isWanted, printMatching)
    } else printError('Millrace is not running here, so no more lines follow: start it with npm start.')
  },
})

interface Line {
  readonly file: string
  readonly line: string
}

/** The last matching lines of a file, and of its predecessor if it was rotated a short while ago. */
async function last(
  reader: LogReader,
  file: string,
  count: number,
  isMatching: (line: string) => boolean,
): Promise<Line[]> {
  const lines = (await reader.read(file)).filter(isMatching)
  const earlier = lines.length < count ? (await reader.read(`${file}.1`).catch(() => [])).filter(isMatching) : []
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
