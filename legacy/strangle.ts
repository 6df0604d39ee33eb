/** `npm run strangle`: shows where the migration from the old shop stands, and moves it to another step. */

import { define, flag, mainOf, requireRunning, secretOf, texts, UsageError, wholeNumber } from '../cli/command.ts'
import { getLocal } from '../cli/local.ts'
import { say, shown } from '../cli/terminal.ts'
import { metrics, storedName } from '../shared/signals/metrics.ts'
import type { Status } from './strangler/control.ts'
import { LEGACY_PORT } from './strangler/port.ts'

const port = wholeNumber('the port of npm run legacy', LEGACY_PORT, { from: 1024, to: 65_000 })

interface Metric {
  readonly name: string
  readonly attributes: Readonly<Record<string, string | number>>
  readonly value: number
}

/** @throws UsageError with the refusal */
async function control(at: number, path: string, body?: object): Promise<Status> {
  const running = requireRunning()
  const response = await fetch(`http://127.0.0.1:${at}/strangler/control/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { 'content-type': 'application/json', ...secretOf(running) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  }).catch(() => {
    throw new UsageError(`The old shop does not answer at port ${at}: start it with npm run legacy, after npm start.`)
  })
  const answer = (await response.json().catch(() => ({}))) as Status & { readonly detail?: string }
  if (!response.ok) throw new UsageError(shown(answer.detail ?? `The old shop answered ${response.status}.`))
  return answer
}

async function print({ step, steps, killed, percent, callers, waiting, open, comparison }: Status): Promise<void> {
  for (const [number, title] of Object.entries(steps)) say(`${Number(number) === step ? '▶' : ' '} ${number}  ${title}`)
  if (killed) say('The kill switch is on: the old shop answers all. npm run strangle -- resume turns it off.')
  const named = callers.length > 0 ? `, and ${callers.map(shown).join(', ')}` : ''
  if (percent < 100) say(`${percent} % of the customers${named}`)
  say(`Changes to publish: ${waiting}. Open orders of the old shop: ${open}.`)
  const { old, platform, differences, differenceCount } = comparison
  for (const [name, totals] of [
    ['old shop', old],
    ['platform', platform],
  ] as const)
    say(
      `${name}: ${totals.orders} sold orders, ${(totals.totalMinor / 100).toFixed(2)} EUR, ${totals.products} products`,
    )
  say(`Differences of the data: ${differenceCount}`)
  for (const one of differences) say(`  ${shown(one)}`)
  const { metrics: measured } = await getLocal<{ metrics: readonly Metric[] }>(requireRunning(), '/_local/metrics')
  const counts = measured
    .filter(({ name }) => name === storedName(metrics.shadowComparisons.name))
    .map(({ attributes: { operation, outcome }, value }) => `${operation} ${outcome} ${value}`)
  say(`Shadow reads: ${counts.length === 0 ? '0' : counts.map(shown).join(', ')}`)
}

void mainOf(
  'strangle',
  'Moves orders from the old shop (npm run legacy) to the platform in six steps, and back: docs/strangler.md.',
  {
    status: define({
      brief: 'shows the step, the totals of both systems and their differences',
      options: { port },
      run: async (values) => print(await control(values.port, 'status')),
    }),
    step: define({
      brief: 'goes to a step, by way of those between',
      words: { name: 'NUMBER', brief: 'the step: 1 to 6', max: 1 },
      options: {
        port,
        percent: wholeNumber('the share of the customers that moves in this step', 100, { to: 100 }),
        customer: texts('NAME', 'a customer who moves besides'),
        force: flag(
          'to step 6 although the old shop took orders in the last day, whose customers may repeat their requests',
        ),
      },
      async run({ port: at, percent, customer: callers, force }, [typed]) {
        if (typed === undefined || !/^[1-6]$/.test(typed))
          throw new UsageError('Name a step from 1 to 6: npm run strangle -- step 3')
        await print(await control(at, 'step', { step: Number(typed), percent, force, ...(callers ? { callers } : {}) }))
      },
    }),
    kill: define({
      brief: 'gives all operations back to the old shop within a second, without a restart',
      options: { port },
      run: async (values) => print(await control(values.port, 'kill', { killed: true })),
    }),
    resume: define({
      brief: 'turns the kill switch off',
      options: { port },
      run: async (values) => print(await control(values.port, 'kill', { killed: false })),
    }),
  },
  'status',
)
