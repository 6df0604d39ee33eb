/** docs/flows.md has the flows as they run: UPDATE_FLOWS=1 writes it anew. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../support/root.ts'
import { drawn, duration } from './draw.testing.ts'
import { record } from './flow.testing.ts'
import { play, scenarios } from './scenarios.testing.ts'

const page = join(root, 'docs', 'flows.md')

const introduction = `# Flows of an order

Every way that an order goes, message by message. A test runs each with the real handlers of all services, the simulated partners and a virtual clock, and draws what passed: \`test/flows\`. So a picture is right for the code beside it, and \`UPDATE_FLOWS=1 npm test -- test/flows\` draws them anew after a change. [What each flow means](orders.md) is written by hand.

- A solid arrow is a command (by Cloud Tasks) or a request with the status of its answer; a dashed one is an event (by Pub/Sub) that the service handles; a note is an event that only read models and BigQuery get.
- History and notifications, which get nearly every event, are left out, and so are queries between services, timers that a service sets itself, and the reminders by which orders asks again while it waits.
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
  if (process.env['UPDATE_FLOWS'] === '1') writeFileSync(page, text)
  expect(text, 'UPDATE_FLOWS=1 npm test -- test/flows draws the flows anew').toBe(readFileSync(page, 'utf8'))
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
