/** `npm run bench`: the figures of docs/benchmarks.md. */

import { flag, main, parseWholeNumber, text, UsageError, wholeNumber } from '../../cli/command.ts'
import { table } from '../../cli/table.ts'
import { clientLibraries } from './client-libraries.ts'
import { operations } from './operations.ts'
import { editing } from './editing.ts'
import { importing } from './importing.ts'
import type { Figures, Section, Settings } from './section.ts'
import { starting } from './starting.ts'
import { calls } from './calls.ts'
import { throughput } from './throughput.ts'
import { transportsSection } from './transports.ts'
import { victim } from './victim.ts'

const sections: readonly Section[] = [
  throughput,
  calls,
  operations,
  starting,
  editing,
  importing,
  clientLibraries,
  victim,
  transportsSection,
]

void main('bench', {
  brief: 'Starts platforms of its own on free ports and measures: the figures of docs/benchmarks.md.',
  about: `
Figures depend on the machine and its other load: compare within one run only.

${sections.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join('\n')}`,
  words: { name: 'SECTION', brief: 'a section of those above; default: all', max: Infinity },
  options: {
    orders: wholeNumber('orders per run', 200, { from: 1 }),
    clients: text('LIST', 'how many clients order at once', '1,16,64,256'),
    runs: wholeNumber('runs of which the median is reported', 5, { from: 1 }),
    pull: text('LIST', 'services whose events workers pull, in operations and throughput', ''),
    'warm-up': wholeNumber('orders before the first run of throughput: rates rise for some two thousand', 2_000, {
      from: 1,
      to: 100_000,
    }),
    real: flag('throughput of orders with as many lines as those of the sample, at most 30'),
    json: flag('figures as JSON'),
  },
  run: ({ clients, json, pull, real, 'warm-up': warmUp, ...others }, names) =>
    bench(
      {
        ...others,
        warmUp,
        isReal: real === true,
        clients: clients.split(',').map(parseWholeNumber({ from: 1 })),
        pulled: pull.split(',').filter((name) => name !== ''),
      },
      names,
      json,
    ),
})

async function bench(settings: Settings, names: readonly string[], json: boolean | undefined): Promise<void> {
  const unknown = names.find((name) => !sections.some((section) => section.name === name))
  if (unknown !== undefined)
    throw new UsageError(`There is no section "${unknown}": ${sections.map(({ name }) => name).join(', ')}.`)
  const chosen = sections.filter(({ name }) => names.length === 0 || names.includes(name))
  const results: Record<string, Figures[]> = {}
  for (const section of chosen) {
    const figures = await section.run(settings)
    results[section.name] = figures
    if (!json) for (const { title, rows } of figures) console.log(`${section.name}: ${title}\n\n${table(rows)}\n`)
  }
  if (json) console.log(JSON.stringify(results, undefined, 2))
}
