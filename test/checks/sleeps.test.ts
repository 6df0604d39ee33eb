/**
 * Tests never sleep: they wait for a condition by `expect.poll` or `vi.waitFor`, or advance a clock. A helper that runs outside a
 * test too, or that a program of its own uses, asks again after a pause until its condition holds. Each file is named here.
 */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../support/root.ts'

/** Tests that hold such a call, and wait for nothing by it. */
const allowed: Readonly<Record<string, string>> = {
  'emulators/local-cloud/cloud-run/cloud-run.test.ts':
    'a program under test that exits later than it closes its port, as a process of a crashed container does',
  'emulators/local-cloud/cloud-run/worker-pools.test.ts': 'a program under test that runs until it is stopped',
  'emulators/local-cloud/core/terraform/owner-api.test.ts': 'a timer that a loop of calls must leave a turn to',
  'shared/base/deadline.test.ts': 'work that takes longer than its deadline: the clock is a fake one',
  'shared/http/hedge.test.ts': 'a callee that answers late: the clock is a fake one',
  'test/generated/requests.test.ts':
    'fails a request that gets no answer: the limit is never reached by one that passes',
  'test/security/clients-cause-no-failure.test.ts': 'a service that answers late: the clock is a fake one',
  'test/stacks/policies.test.ts': 'the text of a command that Terraform runs',
}

/** Helpers and programs of tests that hold such a call: other processes have no event for the condition. */
const helpers: Readonly<Record<string, string>> = {
  'test/bench/editing.ts': 'asks a started program until its answer has the edit, and measures how long that took',
  'test/bench/operations.ts': 'asks the counters until the order has ended',
  'test/bench/starting.ts': 'lets the connections to a stopped platform end before its second start, which is measured',
  'test/bench/victim-gateway.child.ts': 'lets the virtual clock of a program follow the real one',
  'test/bench/victim.ts': 'sends requests at a steady rate beside an attack, whose effect it measures',
  'test/platform/budget/operations.testing.ts': 'asks the counters until several answers in turn are the same',
  'test/platform/crash/audited-data.testing.ts': 'reads all services again until their data agree',
  'test/platform/crash/burst.testing.ts':
    'asks until the kills have hit and services are back, runs schedules at a steady rate, and has a limit for each wait',
  'test/platform/crash/retrying-clients.testing.ts': 'customers who send a request again, as those of a shop do',
  'test/platform/crash/run.ts': 'reports the progress of a long run',
  'test/platform/grants/cloud.testing.ts': 'asks the request log until the entry is there',
  'test/platform/grants/operations.testing.ts': 'asks the backlogs until the message is dead-lettered',
  'test/platform/wiring/scenario.testing.ts': 'asks until the order has ended, or until the time for it is over',
  'test/support/client.ts': 'asks the platform again: benchmarks use it outside of vitest',
  'test/support/progress-reporter.ts': 'reports the progress of vitest every five seconds',
}

/** Calls of `setTimeout` and `setInterval` of Node, which no test needs for a condition. */
const timer = /\bset(?:Timeout|Interval)\(|\bset(?:Timeout|Interval)\b[^\n]* from 'node:timers/
const isSleeping = (text: string): boolean => timer.test(text)

const filesIn = (pattern: string): readonly string[] =>
  globSync(pattern, { cwd: root, exclude: (path) => path === 'node_modules' }).map((path) => path.replaceAll('\\', '/'))

const sleeping = (paths: readonly string[]): readonly string[] =>
  paths
    .filter((path) => path !== 'test/checks/sleeps.test.ts' && isSleeping(readFileSync(join(root, path), 'utf8')))
    .toSorted()

it('no file of tests waits by a timer of the machine', () => {
  const paths = filesIn('{cli,emulators,functions,legacy,shared,stacks,test}/**/*.test.ts')
  expect(paths.length).toBeGreaterThan(200)
  expect(sleeping(paths), 'wait for a condition, or give the reason in test/checks/sleeps.test.ts').toEqual(
    Object.keys(allowed).toSorted(),
  )
})

it('the helpers that ask again after a pause are those that are named here', () => {
  const paths = [
    ...filesIn('{cli,emulators,functions,legacy,shared,stacks}/**/*.testing.ts'),
    ...filesIn('test/**/*.ts').filter((path) => !path.endsWith('.test.ts')),
  ]
  expect(paths.length).toBeGreaterThan(100)
  expect(sleeping(paths), 'wait for an event, or give the reason in test/checks/sleeps.test.ts').toEqual(
    Object.keys(helpers).toSorted(),
  )
})

it.each([
  ['await new Promise((resolve) => setTimeout(resolve, 80))', true],
  ["import { setTimeout as pause } from 'node:timers/promises'", true],
  ["import { setImmediate } from 'node:timers/promises'", false],
  ["vi.useFakeTimers({ toFake: ['setTimeout'] })", false],
  ['await vi.waitFor(() => expect(lines).toHaveLength(1))', false],
])('is detected: %s', (text, found) => expect(isSleeping(text)).toBe(found))
