/** Tests never sleep: they wait for a condition by `expect.poll` or `vi.waitFor`, or advance a clock. Helpers of whole platforms ask again after a pause until theirs holds. */

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
  'test/generated/requests.test.ts':
    'fails a request that gets no answer: the limit is never reached by one that passes',
  'test/security/clients-cause-no-failure.test.ts': 'a service that answers late: the clock is a fake one',
  'test/stacks/policies.test.ts': 'the text of a command that Terraform runs',
}

/** Calls of `setTimeout` and `setInterval` of Node, which no test needs for a condition. */
const timer = /\bset(?:Timeout|Interval)\(|\bset(?:Timeout|Interval)\b[^\n]* from 'node:timers/
const isSleeping = (text: string): boolean => timer.test(text)

it('no file of tests waits by a timer of the machine', () => {
  const paths = globSync('{cli,emulators,functions,shared,stacks,test}/**/*.test.ts', {
    cwd: root,
    exclude: (path) => path === 'node_modules',
  }).map((path) => path.replaceAll('\\', '/'))
  expect(paths.length).toBeGreaterThan(200)
  const found = paths.filter(
    (path) => path !== 'test/checks/sleeps.test.ts' && isSleeping(readFileSync(join(root, path), 'utf8')),
  )
  expect(found.toSorted(), 'wait for a condition, or give the reason in test/checks/sleeps.test.ts').toEqual(
    Object.keys(allowed).toSorted(),
  )
})

it.each([
  ['await new Promise((resolve) => setTimeout(resolve, 80))', true],
  ["import { setTimeout as pause } from 'node:timers/promises'", true],
  ["import { setImmediate } from 'node:timers/promises'", false],
  ["vi.useFakeTimers({ toFake: ['setTimeout'] })", false],
  ['await vi.waitFor(() => expect(lines).toHaveLength(1))', false],
])('is detected: %s', (text, found) => expect(isSleeping(text)).toBe(found))
