/** One task replays many dead letters: as many at once as the bound allows, since their leases end together. */

import { expect, it } from 'vitest'
import { testConfig } from '../base/config.testing.ts'
import { replayCommand } from '../base/names.ts'
import { operatorHeaders } from '../base/operator.ts'
import { defineContracts } from '../contracts/contract.ts'
import { defineService } from '../service/service.ts'
import { message } from './deliver.testing.ts'
import { testPlatform } from './platform.testing.ts'
import type { Receiver } from './receive.ts'
import { createReplay } from './dead-letter-acts.ts'

const contracts = defineContracts({ service: 'desk', events: {}, commands: {} })
const desk = defineService({ name: 'desk', ingress: 'internal', contracts, uses: [], on: [], sends: [] })
const headers = new Map(Object.entries(operatorHeaders({ actor: 'jo', reason: 'the database is back' })))

it('replays the dead letters of a task concurrently, within a bound', async () => {
  const platform = testPlatform(desk)
  for (let letter = 0; letter < 20; letter++) await platform.publisher.deadLetter('desk', Buffer.from('{}'), {})
  const messageIds = platform.deadLetters.map(({ messageId }) => messageId)
  let running = 0
  let most = 0
  const receiver: Pick<Receiver, 'replay'> = {
    async replay() {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => void setImmediate(resolve))
      running -= 1
      return { type: 'ticket.opened', outcome: { status: 204 } }
    },
  }
  const replay = createReplay(receiver, platform, testConfig('desk'))
  const body = Buffer.from(JSON.stringify(message(replayCommand, { messageIds }, { sequence: 0 })))
  expect(await replay(body, headers)).toEqual({ status: 204 })
  expect(most).toBe(8)
  expect(platform.deadLetters).toEqual([])
})
