/** Prints and follows the logs that the running services write. */

import { createReadStream, existsSync, readdirSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { services } from '../functions/index.ts'
import { dataDirectory, main, UsageError } from './command.ts'

const usage = `
npm run logs -- [SERVICE] [--no-follow] [--lines N] [--json]

Follows the logs of one service, or of all. They are kept under .data/logs/.

  SERVICE        ${services.map(({ name }) => name).join(', ')}
  --lines N      how many earlier lines to print of each (default 20)
  --no-follow    print what there is and end
  --json         the lines as they were written
`

void main({
  usage,
  options: {
    lines: { type: 'string', default: '20' },
    'no-follow': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  async run(values, [service]) {
    const folder = join(dataDirectory(), 'logs')
    if (service && !services.some(({ name }) => name === service)) {
      throw new UsageError(
        `There is no service "${service}". There are: ${services.map(({ name }) => name).join(', ')}.`,
      )
    }
    const lines = Number(values.lines)
    if (!Number.isInteger(lines) || lines < 0)
      throw new UsageError(`--lines takes a whole number, not "${values.lines}"`)
    if (!existsSync(folder)) throw new UsageError('There are no logs yet: start Millrace with npm start.')
    const files = readdirSync(folder).filter((file) => file.endsWith('.log') && (!service || file === `${service}.log`))
    if (files.length === 0)
      throw new UsageError(`${service ?? 'No service'} has written nothing yet: it sleeps until it is called.`)
    const print = (file: string, line: string): void =>
      console.log(values.json ? line : readable(file.slice(0, -'.log'.length), line))
    await Promise.all(
      files.map(async (file) => (await tail(join(folder, file), lines)).forEach((line) => print(file, line))),
    )
    if (!values['no-follow']) await follow(folder, files, print)
  },
})

async function tail(path: string, lines: number): Promise<string[]> {
  const last: string[] = []
  for await (const line of createInterface({ input: createReadStream(path) })) {
    last.push(line)
    if (last.length > lines) last.shift()
  }
  return last
}

/** Until Ctrl-C: prints what is appended, from the byte where the last look ended. */
async function follow(
  folder: string,
  files: readonly string[],
  print: (file: string, line: string) => void,
): Promise<void> {
  const offsets = new Map(files.map((file) => [file, statSync(join(folder, file)).size]))
  const rest = new Map<string, string>()
  let reading = Promise.resolve()
  const readNew = async (file: string): Promise<void> => {
    const path = join(folder, file)
    const size = statSync(path).size
    const start = Math.min(offsets.get(file) ?? 0, size)
    if (size === start) return
    offsets.set(file, size)
    let text = rest.get(file) ?? ''
    for await (const chunk of createReadStream(path, { start, end: size - 1, encoding: 'utf8' }))
      text += chunk as string
    const lines = text.split('\n')
    rest.set(file, lines.pop() ?? '')
    for (const line of lines) print(file, line)
  }
  const watcher = watch(folder, (_, file) => {
    if (!file || !offsets.has(file)) return
    reading = reading.then(() => readNew(file)).catch(() => {})
  })
  await new Promise<void>((resolve) => process.once('SIGINT', resolve))
  watcher.close()
  await reading
}

/** One line of Cloud Logging's JSON as people read it; anything else as it is. */
function readable(service: string, line: string): string {
  try {
    const { severity, message, time, timestamp, ...rest } = JSON.parse(line) as Record<string, unknown>
    const at = String(time ?? timestamp ?? '').slice(11, 23)
    const correlation = (rest['correlationId'] ??
      (rest['logging.googleapis.com/labels'] as Record<string, unknown> | undefined)?.['correlationId']) as
      | string
      | undefined
    return `${at} ${service.padEnd(13)} ${String(severity ?? '').padEnd(7)} ${String(message ?? '')}${correlation ? `  ${correlation}` : ''}`
  } catch {
    return `${' '.repeat(12)} ${service.padEnd(13)} ${line}`
  }
}
