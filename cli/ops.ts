/** Commands of operators: dead letters, stuck sagas, and the verbs of the business. Every act carries the operator's name and reason. */

import { userInfo } from 'node:os'
import { services } from '../functions/index.ts'
import { tools } from '../functions/tools.ts'
import { MAX_DELIVERY_ATTEMPTS } from '../shared/base/attempts.ts'
import { discardCommand, replayCommand } from '../shared/base/names.ts'
import type { Operator } from '../shared/base/operator.ts'
import type { DeadLetterCommand } from '../shared/messaging/dead-letter-commands.ts'
import { define, flag, mainOf, text, UsageError, wholeNumber } from './command.ts'
import {
  consumers,
  contentOf,
  type DeadLetter,
  deadLetterById,
  LETTERS_ON_A_PAGE,
  pageOfLetters,
  readDeadLetters,
} from './ops/dead-letters.ts'
import { createLetterTasks, requestEach } from './ops/letter-tasks.ts'
import { actingOptions, operatorFrom } from './ops/operator.ts'
import { queues, sayHeldUp } from './ops/queues.ts'
import { type SagaReaders, stuckSagas } from './ops/sagas.ts'
import { openPullSubscriptions, type PullSubscriptions } from './ops/pull-subscriptions.ts'
import { type Target, targetFrom, targetOptions } from './ops/target.ts'
import { age, table } from './table.ts'
import { say, sayJson, shown } from './terminal.ts'

const service = text('NAME', `only dead letters of this service: ${consumers.join(', ')}`)
const json = flag('as JSON')

const deadLetters = define({
  brief: 'Lists the dead letters, oldest first.',
  about: `
Listing removes none of them: a dead letter is kept for 31 days, or until it is replayed or discarded.`,
  words: { name: 'ID', brief: 'shows one, with its content', max: 1 },
  options: {
    ...targetOptions,
    service,
    type: text('TYPE', 'only dead letters of this event or command'),
    limit: wholeNumber('dead letters on the page', LETTERS_ON_A_PAGE, { from: 1 }),
    after: text('ID', 'the page after this dead letter'),
    json,
  },
  async run({ service: consumer, type: only, limit, after, json: asJson, ...where }, [id]) {
    const all = await withPullSubscriptions(targetFrom(where), (subscriptions) =>
      readDeadLetters(subscriptions, consumer),
    )
    if (id !== undefined) return show(deadLetterById(all, id), asJson)
    const { letters, more } = pageOfLetters(all, { type: only, limit, after })
    if (asJson) return print(letters.map(summary))
    if (letters.length === 0) return say('No dead letters.')
    const rows = letters.map(({ id, consumer, type, sinceMs, reason }) => ({
      id,
      consumer,
      type,
      age: age(sinceMs),
      reason,
    }))
    say(table(rows))
    if (more > 0) say(`${more} more: --after ${shown(letters.at(-1)!.id)}`)
    return
  },
})

const replay = define({
  brief: 'Replays dead letters to the services that failed: the ones with these ids, or --all.',
  about: `
Sends each service a task that names them. The service pulls them from its own dead-letter subscription, handles them, and
acknowledges those that succeeded. Replaying a message that was already handled has no effect. A message that fails ${MAX_DELIVERY_ATTEMPTS}
more times, or can not be parsed, stays in the subscription.`,
  words: { name: 'ID', brief: 'an id; dead-letters lists them', max: Infinity },
  options: { ...targetOptions, ...actingOptions, service, all: flag('all dead letters there are now') },
  async run(values, ids) {
    const operator = operatorFrom(values)
    if ((values.all ?? false) === ids.length > 0)
      throw new UsageError('Name the ids of dead letters, or --all, not both: npm run ops -- dead-letters lists them.')
    return requestFor(replayCommand, { target: targetFrom(values), operator, service: values.service, ids })
  },
})

const discard = define({
  brief: 'Discards the dead letters with these ids: their services delete them.',
  about: `
Sends each service a task that names them. The service logs each with your name and the reason, and deletes it from its own
dead-letter subscription. A discarded message can not be had back: dead-letters ID shows its content before.`,
  words: { name: 'ID', brief: 'an id; dead-letters lists them', max: Infinity },
  options: { ...targetOptions, ...actingOptions, service },
  async run(values, ids) {
    const operator = operatorFrom(values)
    if (ids.length === 0) throw new UsageError('Name the ids of dead letters: npm run ops -- dead-letters lists them.')
    return requestFor(discardCommand, { target: targetFrom(values), operator, service: values.service, ids })
  },
})

interface Chosen {
  readonly target: Target
  readonly operator: Operator
  readonly service: string | undefined
  /** Empty: all dead letters. */
  readonly ids: readonly string[]
}

/** Returns the exit code. */
async function requestFor(
  command: DeadLetterCommand,
  { target, operator, service: consumer, ids }: Chosen,
): Promise<number> {
  // The leases are released before the task is sent, so that the service can pull the messages.
  const waiting = await withPullSubscriptions(target, (subscriptions) => readDeadLetters(subscriptions, consumer))
  const chosen = ids.length === 0 ? waiting : [...new Set(ids)].map((id) => deadLetterById(waiting, id))
  if (chosen.length === 0) say('No dead letters.')
  const tasks = await createLetterTasks(target)
  const failed = await requestEach(chosen, { command, tasks, operator, services })
  await tasks.close()
  return failed > 0 ? 1 : 0
}

const stuck = define({
  brief: 'Lists stuck sagas.',
  about: `
A saga is listed if it was reported stuck and has not continued since: with its pending step, the attempts, the time since
the first report, and the reason. A saga whose state the public API does not show is listed as it was reported.`,
  options: { ...targetOptions, json },
  async run({ json: asJson, ...where }) {
    const target = targetFrom(where)
    // Without a saga there is no subscription of reports.
    if (!services.some(({ saga }) => saga)) return asJson ? print([]) : say('No service has a saga.')
    const readers = sagaReaders(target)
    const sagas = await withPullSubscriptions(target, (subscriptions) => stuckSagas(subscriptions, readers))
    if (asJson) return print(sagas.map(({ sinceMs, ...saga }) => ({ ...saga, since: new Date(sinceMs).toISOString() })))
    if (sagas.length === 0) say('No saga is stuck.')
    if (where.project === undefined) await sayHeldUp()
    if (sagas.length === 0) return
    const rows = sagas.flatMap(({ service, sagaId, status, waitsFor, reason, sinceMs }) =>
      waitsFor.map(({ step, attempt, until }) => ({
        service,
        saga: sagaId,
        status,
        step,
        attempt,
        age: age(sinceMs),
        'next retry': until,
        reason,
      })),
    )
    say(table(rows))
  },
})

const about = `Acts on the platform that runs here or, with --project and --project-number, on a deployed one: with your
own credentials (gcloud auth application-default login) and, for the public API, the token in MILLRACE_TOKEN.

Each command has --help: npm run ops -- replay --help.`

void mainOf('ops', about, {
  'dead-letters': deadLetters,
  replay,
  discard,
  stuck,
  queues,
  ...(await tools.ops?.()),
})

function sagaReaders(target: Target): SagaReaders {
  if (!tools.sagas) return {}
  const api = target.api(userInfo().username)
  return Object.fromEntries(
    Object.entries(tools.sagas).map(([service, read]) => [service, (sagaId: string) => read(api, sagaId)]),
  )
}

async function withPullSubscriptions<T>(
  target: Target,
  work: (subscriptions: PullSubscriptions) => Promise<T>,
): Promise<T> {
  const subscriptions = await openPullSubscriptions(target)
  try {
    return await work(subscriptions)
  } finally {
    await subscriptions.close()
  }
}

function summary({ id, consumer, type, sinceMs, reason }: DeadLetter): Record<string, string> {
  return { id, consumer, type, since: new Date(sinceMs).toISOString(), reason }
}

function show(letter: DeadLetter, asJson: boolean | undefined): void {
  const { text: plain, json: content } = contentOf(letter)
  const { attributes } = letter.waiting
  if (asJson) return print({ ...summary(letter), attributes, content: content ?? plain })
  for (const [label, value] of Object.entries({ ...summary(letter), ...attributes }))
    say(`${shown(label).padEnd(10)} ${shown(value)}`)
  // Indented, so that the content can not imitate our lines.
  say(`\n${content === undefined ? plain.replaceAll(/^/gm, '  ') : JSON.stringify(content, undefined, 2)}`)
}

function print(value: unknown): void {
  sayJson(value)
}
