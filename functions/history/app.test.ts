import { expect, it } from 'vitest'
import type { EventContract } from '../../shared/contracts/contract.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import { deliver, message, versionOf } from '../../shared/runtime/deliver.testing.ts'
import { testPlatform } from '../../shared/runtime/platform.testing.ts'
import { app } from './app.ts'
import { history } from './service.ts'

const events = [...history.uses, runtimeContracts].flatMap((contracts) =>
  Object.entries<EventContract>(contracts.events).map(([type, { example }]) => ({ type, example })),
)

it.each(events)('$type becomes an entry of the timeline', async ({ type, example }) => {
  const platform = testPlatform(history)
  const event = message(type, example, { subject: 'o-1', version: versionOf(history, type) })
  await deliver(app, platform, event)
  expect([...platform.storedDocuments().values()]).toMatchObject([{ events: { [event.id]: { type } } }])
})
