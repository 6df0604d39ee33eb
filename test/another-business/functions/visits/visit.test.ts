/** The saga of a visit: confirmed, rejected and compensated, stuck, and retried. */

import { expect, it } from 'vitest'
import { deliver, message } from '../../../../shared/runtime/deliver.testing.ts'
import { type TestPlatform, testPlatform } from '../../../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { visits } from './service.ts'

const visit = { ticketId: 't-1', part: 'toner' }
const forTicket = { ticketId: 't-1' }
const MINUTE = 60_000

async function planned(): Promise<TestPlatform> {
  const platform = testPlatform(visits)
  await deliver(app, platform, message('PlanVisit', visit, { subject: 't-1' }))
  return platform
}
const take = (platform: TestPlatform, type: string, data: object = forTicket, key = 0): Promise<void> =>
  deliver(app, platform, message(type, data, { subject: 't-1', key, actor: 'agent:jo' }))
const sent = ({ sent: all }: TestPlatform): string[] => all.map(({ envelope }) => envelope.type)
const published = ({ published: all }: TestPlatform): string[] => all.map(({ type }) => type)
async function fireTimers(platform: TestPlatform, key: number): Promise<void> {
  platform.advance(MINUTE)
  const deadline = new Date(platform.now()).toISOString()
  await take(platform, 'ContinueVisit', { ...forTicket, deadline }, key)
}

it('is confirmed once a technician is booked and the part is ordered', async () => {
  const platform = await planned()
  await take(platform, 'technician.booked')
  await take(platform, 'part.ordered', visit)
  expect(sent(platform).filter((type) => type !== 'ContinueVisit')).toEqual(['BookTechnician', 'OrderPart'])
  expect(published(platform)).toEqual(['visit.planned', 'visit.confirmed'])
})

it('frees the technician if the part is missing', async () => {
  const platform = await planned()
  await take(platform, 'technician.booked')
  await take(platform, 'part.missing', visit)
  expect(sent(platform)).toContain('FreeTechnician')
  expect(sent(platform)).not.toContain('CancelPart')
  expect(published(platform)).toEqual(['visit.planned', 'visit.rejected'])
})

it('is reported stuck at the fifth attempt of a compensation, can be retried, and continues when it is answered', async () => {
  const platform = await planned()
  for (let round = 0; round < 4; round++) await fireTimers(platform, round)
  expect(published(platform)).toEqual(['visit.planned', 'visit.rejected'])
  await fireTimers(platform, 4)
  expect(platform.published.at(-1)).toMatchObject({
    type: 'saga.stuck',
    source: 'visits',
    data: { sagaId: 't-1', step: 'compensate book-technician', attempt: 5 },
  })
  const before = sent(platform).length
  await take(platform, 'RetryVisit', { ...forTicket, reason: 'the workshop is back' })
  expect(sent(platform).slice(before)).toContain('FreeTechnician')
  await take(platform, 'technician.freed')
  await expect(take(platform, 'RetryVisit', { ...forTicket, reason: 'again' }, 1)).rejects.toThrow('waits for nothing')
})
