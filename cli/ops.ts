/** What operators do: look at dead letters and stuck sagas, send them on again. Every act carries who did it and why. */

import { userInfo } from 'node:os'
import { randomUUID } from 'node:crypto'
import type { Operator } from '../shared/base/operator.ts'
import { define, flag, mainOf, text, UsageError } from './command.ts'
import { contentOf, type DeadLetter, listeners, readDeadLetters, theOne } from './ops/dead-letters.ts'
import { createReplayer, replayEach } from './ops/replay.ts'
import { readSaga, stuckSagas } from './ops/sagas.ts'
import { openPullSubscriptions, type PullSubscriptions } from './ops/pull-subscriptions.ts'
import { type Target, targetFrom, targetOptions } from './ops/target.ts'
import { table } from './table.ts'
import { say, sayJson, shown } from './terminal.ts'

const service = text('NAME', `of this listener only: ${listeners.join(', ')}`)
const json = flag('as JSON')
const acting = {
  reason: text('TEXT', 'why; logged by the service that takes it'),
  actor: text('NAME', 'who; logged as well; absent, the user of this machine'),
}
const order = { name: 'ORDER', brief: 'its id, which stuck lists', most: 1 }

const deadLetters = define({
  brief: 'Lists what waits in the dead-letter subscriptions, oldest first.',
  about: `
Nothing is taken away: each waits 31 days, until it is replayed.`,
  words: { name: 'ID', brief: 'shows that one with its content', most: 1 },
  options: { ...targetOptions, service, json },
  async run({ service: listener, json: asJson, ...where }, [id]) {
    const letters = await withPullSubscriptions(targetFrom(where), (subscriptions) =>
      readDeadLetters(subscriptions, listener),
    )
    if (id !== undefined) return show(theOne(letters, id), asJson)
    if (asJson) return print(letters.map(summary))
    if (letters.length === 0) return say('No dead letters.')
    const rows = letters.map(({ id, listener, type, sinceMs, reason }) => ({
      id,
      listener,
      type,
      age: age(sinceMs),
      reason,
    }))
    say(table(rows))
    return
  },
})

const replay = define({
  brief: 'Asks each listener that failed to take its dead letters again: those named, or --all.',
  about: `
By a task through its own queue that names them. The listener takes them from its own dead-letter subscription, and
acknowledges those that it could handle; a message that was handled before changes nothing. What fails twenty times more,
or can't be read, stays where it is.`,
  words: { name: 'ID', brief: 'which; dead-letters lists them', most: Infinity },
  options: { ...targetOptions, ...acting, service, all: flag('all that wait now') },
  async run(values, ids) {
    const operator = operatorFrom(values)
    if ((values.all ?? false) === ids.length > 0)
      throw new UsageError('Which? Name their ids, or --all of them, not both: npm run ops -- dead-letters lists them.')
    const target = targetFrom(values)
    // Released before the listener is asked: it is to find them.
    const waiting = await withPullSubscriptions(target, (subscriptions) =>
      readDeadLetters(subscriptions, values.service),
    )
    const chosen = values.all ? waiting : ids.map((id) => theOne(waiting, id))
    if (chosen.length === 0) say('No dead letters.')
    const replayer = await createReplayer(target)
    const stay = await replayEach(chosen, { replayer, operator })
    await replayer.close()
    return stay > 0 ? 1 : 0
  },
})

const stuck = define({
  brief: 'Lists sagas that wait for an answer that does not come.',
  about: `
Those that were reported stuck and have not gone on since: what each waits for, how often that was requested, how long ago
it was first reported, and why. The id of a checkout is its order's; a saga of another service is listed as it was reported.`,
  options: { ...targetOptions, json },
  async run({ json: asJson, ...where }) {
    const target = targetFrom(where)
    const api = target.api(userInfo().username)
    const sagas = await withPullSubscriptions(target, (subscriptions) => stuckSagas(subscriptions, api))
    if (asJson) return print(sagas.map(({ sinceMs, ...saga }) => ({ ...saga, since: new Date(sinceMs).toISOString() })))
    if (sagas.length === 0) return say('No saga is stuck.')
    const rows = sagas.flatMap(({ service, orderId, status, waitsFor, reason, sinceMs }) =>
      waitsFor.map(({ step, attempt, until }) => ({
        service,
        saga: orderId,
        status,
        step,
        attempt,
        age: age(sinceMs),
        'asks again': until,
        reason,
      })),
    )
    say(table(rows))
  },
})

const retry = define({
  brief: "Asks an order's saga to go on now.",
  about: `
The pending step is sent again and its recorded reply published again, or the compensations that are not answered are
sent again; after the confirmation the services that are missing publish again what they recorded. Recorded in the
order's stream.`,
  words: order,
  options: { ...targetOptions, ...acting },
  async run(values, [orderId]) {
    const { actor, reason } = operatorFrom(values)
    if (!orderId) throw new UsageError('Which order? npm run ops -- stuck lists those that wait.')
    const api = targetFrom(values).api(actor)
    const { status, waitsFor } = await readSaga(api, orderId)
    if (waitsFor.length === 0) throw new UsageError(`${shown(orderId)} is ${shown(status)} and waits for nothing.`)
    await api.send('POST', `/v1/orders/${encodeURIComponent(orderId)}/retry`, { key: randomUUID(), body: { reason } })
    say(`${shown(orderId)} was asked to go on with ${shown(waitsFor.map(({ step }) => step).join(', '))}`)
  },
})

const close = define({
  brief: 'Ends an order whose goods have left and whose money can not be taken.',
  about: `
Its goods have all left and are taken out of stock, and its money was not all taken: the provider refused the capture, or
it is settled in another way. An authorisation that was not used is let go. Orders closes no other order; stuck lists this
one until it is closed. Recorded in the order's stream.`,
  words: order,
  options: { ...targetOptions, ...acting },
  async run(values, [orderId]) {
    const { actor, reason } = operatorFrom(values)
    if (!orderId) throw new UsageError('Which order? npm run ops -- stuck lists those that wait.')
    const api = targetFrom(values).api(actor)
    const { status } = await readSaga(api, orderId)
    if (status !== 'confirmed')
      throw new UsageError(`${shown(orderId)} is ${shown(status)}: only a confirmed order is closed.`)
    await api.send('POST', `/v1/orders/${encodeURIComponent(orderId)}/close`, { key: randomUUID(), body: { reason } })
    say(`orders was asked to close ${shown(orderId)}`)
  },
})

const about = `Acts on the platform that runs here, or with --project and --project-number on a deployed one: by your
own credentials (gcloud auth application-default login), and the gateway takes the token in MILLRACE_TOKEN.

Each command has --help, as npm run ops -- replay --help.`

void mainOf('ops', about, { 'dead-letters': deadLetters, replay, stuck, retry, close })

function operatorFrom({ reason, actor }: { reason?: string | undefined; actor?: string | undefined }): Operator {
  if (!reason?.trim()) throw new UsageError('Why? Say so with --reason "…": it is logged with your name.')
  if (actor !== undefined && !actor.trim())
    throw new UsageError('--actor needs the name of who does this: it is logged.')
  return { actor: actor ?? userInfo().username, reason }
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

function summary({ id, listener, type, sinceMs, reason }: DeadLetter): Record<string, string> {
  return { id, listener, type, since: new Date(sinceMs).toISOString(), reason }
}

function show(letter: DeadLetter, asJson: boolean | undefined): void {
  const { text: plain, json: content } = contentOf(letter)
  const { attributes } = letter.waiting
  if (asJson) return print({ ...summary(letter), attributes, content: content ?? plain })
  for (const [label, value] of Object.entries({ ...summary(letter), ...attributes }))
    say(`${shown(label).padEnd(10)} ${shown(value)}`)
  // Indented, so that no line of it can pass for one of ours.
  say(`\n${content === undefined ? plain.replaceAll(/^/gm, '  ') : JSON.stringify(content, undefined, 2)}`)
}

function print(value: unknown): void {
  sayJson(value)
}

function age(sinceMs: number): string {
  const seconds = Math.max(0, Math.floor((Date.now() - sinceMs) / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`
}
