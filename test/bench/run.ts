/** `npm run bench`: the figures of docs/benchmarks.md. */

import { parseArgs } from 'node:util'
import { table } from '../../cli/table.ts'
import { clientLibraries } from './client-libraries.ts'
import { operations } from './operations.ts'
import { importing } from './importing.ts'
import type { Figures, Section, Settings } from './section.ts'
import { starting } from './starting.ts'
import { calls } from './calls.ts'
import { throughput } from './throughput.ts'
import { victim } from './victim.ts'

const sections: readonly Section[] = [throughput, calls, operations, starting, importing, clientLibraries, victim]

const usage = `
npm run bench -- [SECTION…] [--orders N] [--clients 1,16,64] [--runs 5] [--json]

Starts platforms of its own on free ports and measures. Figures depend on the machine and on what else it does: compare
within one run only. Without a section all are run.

${sections.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')}

  --orders N      orders per run (default 200)
  --clients LIST  how many clients order at once (default 1,16,64)
  --runs N        runs of which the median is told (default 5)
  --json          figures as JSON
`

// Google's clients would look for a metadata server, and warn that a laptop has none.
process.env['METADATA_SERVER_DETECTION'] ??= 'none'
try {
  process.exitCode = await bench()
} catch (error) {
  const { code, message } = error as { code?: string; message: string }
  if (!code?.startsWith('ERR_PARSE_ARGS')) throw error
  console.error(`${message} (--help shows what this command takes)`)
  process.exitCode = 1
}

async function bench(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      orders: { type: 'string', default: '200' },
      clients: { type: 'string', default: '1,16,64' },
      runs: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  })
  if (values.help) {
    console.log(usage.trim())
    return 0
  }
  const unknown = positionals.find((name) => !sections.some((section) => section.name === name))
  const settings: Settings = {
    orders: Number(values.orders),
    clients: values.clients.split(',').map(Number),
    runs: Number(values.runs),
  }
  const wrong = [settings.orders, settings.runs, ...settings.clients].find((n) => !Number.isInteger(n) || n < 1)
  if (unknown !== undefined || wrong !== undefined) {
    const names = sections.map(({ name }) => name).join(', ')
    console.error(
      unknown === undefined
        ? '--orders, --clients and --runs take whole numbers from 1.'
        : `There is no section "${unknown}": ${names}.`,
    )
    return 1
  }
  const chosen = sections.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  const told: Record<string, Figures[]> = {}
  for (const section of chosen) {
    const figures = await section.run(settings)
    told[section.name] = figures
    if (!values.json)
      for (const { title, rows } of figures) console.log(`${section.name}: ${title}\n\n${table(rows)}\n`)
  }
  if (values.json) console.log(JSON.stringify(told, undefined, 2))
  return 0
}
