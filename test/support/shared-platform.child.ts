/** The platform that suites share, in its own process, which runs until the test run ends. */

import { business, services } from '../../functions/index.ts'
import { partnersOf } from '../../shared/service/business.ts'
import { announce, temporaryDirectory } from './command.ts'
import { startTestPlatform } from './platform.ts'
import type { SharedPlatform } from './shared-platform.ts'

const data = temporaryDirectory()
// The channel ends with the test run, also if that is killed.
const runEnded = new Promise((resolve) => process.once('disconnect', resolve))
try {
  const platform = await startTestPlatform({ dataDirectory: data.path, views: 'all' })
  announce(platform, data.path)
  const { api, identity, partner, service, account } = platform.ports
  const portsOf = (names: readonly string[], portOf: (name: string) => number): Record<string, number> =>
    Object.fromEntries(names.map((name) => [name, portOf(name)]))
  const names = services.map(({ name }) => name)
  process.send!({
    running: platform.running,
    ports: {
      api,
      identity,
      partners: portsOf(partnersOf(business), partner),
      services: portsOf(names, service),
      accounts: portsOf(names, account),
    },
  } satisfies SharedPlatform)
  await runEnded
  await platform.close()
} finally {
  data.remove()
}
