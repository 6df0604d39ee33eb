import { expect, it, vi } from 'vitest'
import { openJournal, virtualClock } from 'local-google-cloud/host'
import { openWebhooks, type Webhook } from './webhooks.ts'

it('the webhooks in a journal of an earlier version, whose tables had other names, are known and delivered', async () => {
  const journal = openJournal()
  const webhook = (id: string): Webhook => ({ id, type: 'refund.updated', key: id, reference: 'o-1' })
  for (const id of ['delivered', 'waiting']) journal.table<Webhook>('notes').set(id, webhook(id))
  journal.table<number | true>('untold-notes').set('waiting', true)

  const clock = virtualClock()
  const posted: unknown[] = []
  let answered = (): void => {}
  const answer = new Promise<void>((resolve) => (answered = resolve))
  const options = {
    webhookUrl: 'https://shop.test/webhooks',
    async fetch(_url: string, { body }: RequestInit) {
      posted.push(JSON.parse(body as string))
      answered()
      return new Response(null, { status: 204 })
    },
  }
  const webhooks = openWebhooks(journal, clock, options)
  expect(webhooks.recorded()).toEqual([webhook('delivered'), webhook('waiting')])
  await clock.advance(60_000)
  await answer
  expect(posted).toEqual([webhook('waiting')])
  expect(['notes', 'untold-notes'].map((name) => journal.table(name).size)).toEqual([0, 0])
  webhooks.close()

  // The next start reads the tables under their present names.
  expect(openWebhooks(journal, virtualClock(), options).recorded()).toEqual([webhook('delivered'), webhook('waiting')])
})

it('counts the webhooks that are yet to be delivered: a repeated one twice, and one that was refused until it is taken', async () => {
  const clock = virtualClock()
  const statuses = [503, 204, 204]
  const answers = statuses.map(() => Promise.withResolvers<void>())
  let requests = 0
  const webhooks = openWebhooks(openJournal(), clock, {
    webhookUrl: 'https://shop.test/webhooks',
    async fetch() {
      const request = requests++
      answers[request]!.resolve()
      return new Response(null, { status: statuses[request]! })
    },
  })
  const webhook: Webhook = { id: 'w-1', type: 'refund.updated', key: 'r-1', reference: 'o-1' }
  webhooks.send(webhook)
  webhooks.send(webhook, clock.now() + 60_000)
  const counted = [webhooks.waiting()]
  for (const { promise } of answers) {
    await clock.advance(requests === 2 ? 60_000 : 1_000)
    await promise
    // The answer is recorded some turns after it is made: as many as the other tests of the process leave.
    const before = counted.at(-1)!
    const expected = statuses[counted.length - 1] === 204 ? before - 1 : before
    await vi.waitUntil(() => webhooks.waiting() <= expected)
    counted.push(webhooks.waiting())
  }
  expect(counted).toEqual([2, 2, 1, 0])
})
