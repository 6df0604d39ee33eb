/** Deliveries to one stream at two instances, in random groups, with repetitions and lost answers: each effect is there once. */

import { seededRandom } from 'local-google-cloud/host'
import { expect, it } from 'vitest'
import { Refused, Unavailable } from '../../shared/base/errors.ts'
import type { Message } from '../../shared/contracts/message.ts'
import type { StreamStore } from '../../shared/messaging/stream-store.ts'
import { memory } from '../../shared/messaging/memory.testing.ts'
import type { Decision, Stream } from '../../shared/service/platform.ts'
import { command, count, instanceOf, oneMore } from './instances.testing.ts'

const DELIVERIES = 40

it.each(Array.from({ length: 60 }, (_, seed) => seed))('appends that wait, seed %i', async (seed) => {
  const random = seededRandom(seed)
  const { store } = memory()
  const faulty: StreamStore = {
    ...store,
    async append(...given) {
      const fate = random.next()
      if (fate < 0.1) throw new Unavailable('It was not written.')
      const after = await store.append(...given)
      if (fate < 0.2) throw new Unavailable('The answer was lost.')
      return after
    },
  }
  const instances = [instanceOf(faulty), instanceOf(faulty)]
  /** Refused by the rules, on whatever version. */
  const isRefused = (key: number): boolean => key % 7 === 0
  const deliver = async (key: number): Promise<void> => {
    const { handle } = instances[random.next() < 0.5 ? 0 : 1]!
    const decide = (stream: Stream): Decision<Message> => {
      if (isRefused(key)) throw new Refused('not-found', `There is no ${count(stream)}.`)
      return oneMore(stream)
    }
    for (;;) {
      try {
        await handle<Message>(command(key), random.next() < 0.3 ? { newId: 's' } : 's', decide)
        expect(isRefused(key)).toBe(false)
        return
      } catch (error) {
        if (error instanceof Refused) return expect(isRefused(key)).toBe(true)
        if (!(error instanceof Unavailable)) throw error
      }
    }
  }
  const keys = Array.from({ length: DELIVERIES }, (_, index) => index)
  const pause = async (): Promise<void> => {
    for (let turns = random.next() * 10; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(
    [...keys, ...keys.filter(() => random.next() < 0.3)].map(async (key) => (await pause(), deliver(key))),
  )

  const expected = keys.filter((key) => !isRefused(key))
  const { commits } = await store.load('s')
  expect(commits.map(({ cause }) => cause).toSorted()).toEqual(expected.map((key) => command(key).id).toSorted())
  expect(commits.map(({ events }) => events.map(({ data, sequence }) => [data, sequence]))).toEqual(
    expected.map((_, index) => [[{ to: index + 1 }, index + 1]]),
  )
  const published = instances.flatMap((instance) => instance.published)
  const recorded = new Map(commits.flatMap(({ cause, events }) => events.map(({ id, data }) => [id, { cause, data }])))
  expect(new Set(published.map(({ id }) => id))).toEqual(new Set(recorded.keys()))
  for (const { id, causationId, data } of published) expect({ cause: causationId, data }).toEqual(recorded.get(id))
  for (const { kept } of instances) {
    const copy = kept.recall('s')
    if (copy) expect(commits.slice(0, copy.version)).toEqual(copy.commits)
  }
})
