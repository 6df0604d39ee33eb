/** Operators who read for long: the pulled messages stay leased to them, and can be acknowledged later. */

import { credentials } from '@grpc/grpc-js'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { openPullSubscriptions, type PullSubscriptions } from '../../cli/ops/pull-subscriptions.ts'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { virtualClock } from 'local-google-cloud/host'
import { pubsub } from 'local-google-cloud/pubsub'

const project = { id: 'p', number: '1', region: 'europe-west1' }
const parent = 'projects/p'
/** The ack deadline of operators' subscriptions. */
const LEASE_SECONDS = 60

let clock: ReturnType<typeof virtualClock>
let cloud: LocalCloud

beforeEach(async () => {
  clock = virtualClock()
  cloud = await createLocalCloud({ plugins: [pubsub], project, clock })
  onTestFinished(() => cloud.close())
  await cloud.api('PUT', `/v1/${parent}/topics/kept`, {})
  await cloud.api('PUT', `/v1/${parent}/subscriptions/kept`, {
    topic: `${parent}/topics/kept`,
    ackDeadlineSeconds: LEASE_SECONDS,
  })
  const messages = ['a', 'b', 'c'].map((text) => ({ data: Buffer.from(text).toString('base64') }))
  await cloud.api('POST', `/v1/${parent}/topics/kept:publish`, { messages })
})

/** A subscription whose regular work runs when the test advances the time. */
async function subscription(): Promise<PullSubscriptions & { passes(seconds: number): Promise<void> }> {
  const regular: (() => Promise<void>)[] = []
  const [apiEndpoint, port] = cloud.ownerHost.split(':') as [string, string]
  const target = {
    clientOptions: async () => ({
      projectId: project.id,
      apiEndpoint,
      port: Number(port),
      sslCreds: credentials.createInsecure(),
    }),
    projectId: project.id,
  }
  const opened = await openPullSubscriptions(target, (everyMs, run) => {
    expect(everyMs).toBeLessThan((LEASE_SECONDS * 1000) / 2)
    regular.push(run)
    return () => void regular.splice(regular.indexOf(run), 1)
  })
  return {
    ...opened,
    async passes(seconds) {
      await clock.advance(seconds * 1000)
      for (const run of regular) await run()
    },
  }
}
const texts = async (of: PullSubscriptions): Promise<string[]> =>
  (await of.pull('kept')).map(({ data }) => data.toString()).toSorted()

it('extends the lease of pulled messages beyond the ack deadline, and acknowledges one then', async () => {
  const [mine, others] = [await subscription(), await subscription()]
  const first = (await mine.pull('kept')).find(({ data }) => data.toString() === 'a')
  for (let minute = 0; minute < 4; minute++) await mine.passes(LEASE_SECONDS / 2)
  expect(await texts(others)).toEqual([])
  await mine.acknowledge(first!)
  await mine.close()
  expect(await texts(others)).toEqual(['b', 'c'])
  await others.close()
})

it('acknowledges a message by its latest lease after an earlier one expired', async () => {
  const mine = await subscription()
  const first = (await mine.pull('kept')).find(({ data }) => data.toString() === 'a')
  await clock.advance(LEASE_SECONDS * 1000)
  expect(await texts(mine)).toEqual(['a', 'b', 'c'])
  await mine.acknowledge(first!)
  await mine.close()
  const others = await subscription()
  expect(await texts(others)).toEqual(['b', 'c'])
  await others.close()
})
