/** `npm run wiring`: removes every resource of the local stacks, one after the other, and shows that the scenario fails without it. */

import { flag, main, text, UsageError } from '../../../cli/command.ts'
import { withEachGrant } from '../../support/grants.ts'
import { startTestPlatform } from '../../support/platform.ts'
import { durationLimit, wired, type VerdictOn } from './wiring.testing.ts'

interface Given {
  readonly only: string
  readonly 'one-of-each': boolean | undefined
  readonly shard: string
}

void main('wiring', {
  brief:
    'Removes every resource of the local stacks, one after the other, and shows that the scenario fails without it.',
  about: `
For each resource of the synthesized local stacks: provisioning without it is refused, or, deleted through the
emulators' API in the running platform, one completed and one declined order no longer end within three times the
baseline duration, and do again when it is restored. test/platform/wiring/optional-resources.testing.ts names the resources that the
scenario does not need, with reasons. Ends with 1 when any other resource is not missed, or not restored.`,
  options: {
    only: text('TEXT', 'resources whose address contains TEXT', ''),
    'one-of-each': flag('one resource of each type'),
    shard: text(
      'I/N',
      'the I-th of N parts: a part mostly waits, so several can run concurrently, each with its own platform',
      '1/1',
    ),
  },
  run: (values) => run(values),
})

async function run(values: Given): Promise<number> {
  const [part, parts] = values.shard.split('/').map(Number) as [number, number]
  if (!(Number.isInteger(part) && Number.isInteger(parts) && part >= 1 && part <= parts))
    throw new UsageError(`--shard takes I/N, as in 1/3, not "${values.shard}".`)
  const platform = await startTestPlatform({ seeded: false, views: 'all' })
  process.env['BIGQUERY_EMULATOR_HOST'] = `http://${platform.running.apiHost}`
  process.env['FIRESTORE_EMULATOR_HOST'] = platform.running.apiHost
  process.env['PUBSUB_EMULATOR_HOST'] = platform.running.apiHost
  const chosen = withEachGrant(platform.provisioned)
    .filter(({ resource }) => `${resource.stack}/${resource.address}`.includes(values.only))
    .filter(
      ({ resource }, index, all) =>
        !values['one-of-each'] || all.findIndex((other) => other.resource.type === resource.type) === index,
    )
    .filter((_, index) => index % parts === part - 1)
  const counts = new Map<VerdictOn['outcome'], number>()
  try {
    const limitMs = await durationLimit(platform)
    console.log(`${chosen.length} resources; a scenario that takes longer than ${(limitMs / 1000).toFixed(1)} s fails.`)
    for (const [index, one] of chosen.entries()) {
      const verdict = await wired(platform, one, limitMs)
      counts.set(verdict.outcome, (counts.get(verdict.outcome) ?? 0) + 1)
      console.log(
        `${String(index + 1).padStart(4)}/${chosen.length}  ${verdict.outcome.padEnd(12)} ${verdict.address}  ${verdict.detail}`,
      )
    }
  } finally {
    await platform.close()
  }
  console.log([...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', '))
  return counts.has('NOT MISSED') || counts.has('NOT RESTORED') || counts.has('UNDECIDED') ? 1 : 0
}
