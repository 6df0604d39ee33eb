/** docs/flows.md has the flows as they run: `npm run record` writes it anew. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { inventoryContracts } from '../../functions/inventory/contracts.ts'
import { ordersContracts } from '../../functions/orders/contracts.ts'
import { paymentsContracts } from '../../functions/payments/contracts.ts'
import { shippingContracts } from '../../functions/shipping/contracts.ts'
import { isRecording, writeMade } from '../../shared/contracts/records.testing.ts'
import { root } from '../support/root.ts'
import { drawn, duration } from './draw.testing.ts'
import { record } from './flow.testing.ts'
import { play, scenarios } from './scenarios.testing.ts'

const page = join(root, 'docs', 'flows.md')

/** Messages of the four services that act on orders, and are in no picture. */
const leftOut: Readonly<Record<string, readonly string[]>> = {
  'a refusal after a race': ['order.cancel-refused', 'refund.refused'],
  'work of the platform and of operators on a waiting order': [
    'ContinueCheckout',
    'AnnounceStatus',
    'RetryCheckout',
    'checkout.retried',
  ],
  'free parcels that go on when the others have paid all': ['ResumeShipments'],
  'stock that comes and is counted': ['stock.received', 'stock.adjusted', 'ReceiveStock', 'AdjustStock', 'CountStock'],
  'a refund that takes time, fails or was made by hand': [
    'refund.pending',
    'refund.failed',
    'refund.overdue',
    'AskAboutRefund',
    'CheckRefund',
    'CheckRefunds',
  ],
  'a dispute whose end is asked for': ['dispute.overdue', 'AskAboutDispute'],
  'a recapture, a renewal or a void that the provider does not answer': [
    'recapture.overdue',
    'renewal.overdue',
    'void.overdue',
  ],
  'an order that staff closes when a part is captured': ['ReleaseUncaptured'],
  'a parcel that was collected in error': ['shipment.collected-in-error'],
}

const introduction = `# Flows of an order

The ways that an order goes, message by message. A test runs each with the real handlers of all services, the simulated partners and a virtual clock, and draws what passed: \`test/flows\`. So a picture is right for the code beside it, and \`npm run record\` draws them anew after a change. [What each flow means](orders.md) is written by hand.

- A solid arrow is a command (by Cloud Tasks) or a request with the status of its answer; a dashed one is an event (by Pub/Sub) that the service handles; a note is an event that only read models and BigQuery get.
- History and notifications, which get nearly every event, are left out, and so are queries between services, timers that a service sets itself, and the reminders by which orders asks again while it waits.
- Also left out, each with a test elsewhere: ${Object.entries(leftOut)
  .map(([why, types]) => `${why} (${types.map((type) => `\`${type}\``).join(', ')})`)
  .join('; ')}.
`

async function written(): Promise<string> {
  const sections: string[] = []
  for (const scenario of scenarios) {
    const { title, about, world = {} } = scenario
    const recorded = await record(world, (flow) => play(scenario, flow))
    const notifiedOf = recorded.notified.map((type) => `\`${type}\``).join(', ')
    sections.push(`## ${title}

${about}

\`\`\`mermaid
${drawn(recorded)}
\`\`\`

The customer is notified of: ${notifiedOf === '' ? 'nothing' : notifiedOf}.
`)
  }
  return `${introduction}\n${sections.join('\n')}`
}

it('docs/flows.md shows every flow as it runs', { timeout: 120_000 }, async () => {
  const text = await written()
  if (isRecording) writeMade(pathToFileURL(page), text)
  expect(text, 'npm run record draws the flows anew').toBe(readFileSync(page, 'utf8'))
})

it('each event and command of these services is in a picture, or among those that are left out', () => {
  const pictures = readFileSync(page, 'utf8').slice(introduction.length)
  const types = [ordersContracts, inventoryContracts, paymentsContracts, shippingContracts].flatMap(
    ({ events, commands }) => [...Object.keys(events), ...Object.keys(commands)],
  )
  const missing = types.filter((type) => !new RegExp(`${type.replace('.', '\\.')}(?![a-z-])`).test(pictures))
  expect(missing.toSorted()).toEqual(Object.values(leftOut).flat().toSorted())
})

it.each([
  [1_000, '1 second'],
  [89_000, '89 seconds'],
  [90_000, '2 minutes'],
  [5_400_000, '2 hours'],
  [561_600_000, '7 days'],
])('%d ms is shown as %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})
