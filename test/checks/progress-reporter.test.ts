/** The progress lines in the log of a test run. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ProgressReporter } from '../support/progress-reporter.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const written: string[] = []
const output = (isTTY: boolean) => ({ isTTY, write: (text: string) => written.push(text) })
const file = (name: string, state = 'pending') => ({ relativeModuleId: name, state: () => state })

it('prints a line every five seconds: ended, total, failed and running files', () => {
  const reporter = new ProgressReporter(output(false))
  reporter.onTestRunStart([1, 2, 3])
  for (const name of ['a.test.ts', 'b.test.ts']) reporter.onTestModuleQueued(file(name))
  reporter.onTestModuleEnd(file('a.test.ts', 'passed'))
  vi.advanceTimersByTime(5_000)
  reporter.onTestModuleEnd(file('b.test.ts', 'failed'))
  vi.advanceTimersByTime(60_000)
  reporter.onTestRunEnd()
  vi.advanceTimersByTime(60_000)
  expect([written[0], written.at(-1), written.length]).toEqual([
    '1 of 3 files, 0 failed, 5 s; now b.test.ts\n',
    '2 of 3 files, 1 failed, 1 min 5 s\n',
    13,
  ])
})

it('prints nothing in a terminal, where vitest draws its summary', () => {
  written.length = 0
  const reporter = new ProgressReporter(output(true))
  reporter.onTestRunStart([1])
  vi.advanceTimersByTime(60_000)
  reporter.onTestRunEnd()
  expect(written).toEqual([])
})
