import { join } from 'node:path'
import { expect, it } from 'vitest'
import { differencesIn } from './records.ts'
import { root } from './tool.ts'

const name = join(root, 'test/architecture/contracts.test.ts')
const failed = {
  fullName: 'seat.taken of seating still upcasts the frozen example of each earlier version',
  status: 'failed',
  failureMessages: [
    'AssertionError: "seat.taken@2" is not in frozen-messages.json: npm run record adds it\n    at one',
  ],
}

it('each difference is a line with the file, what is compared, and the remedy', () => {
  const passed = { fullName: 'seat.sold', status: 'passed', failureMessages: [] }
  expect(differencesIn({ testResults: [{ name, assertionResults: [passed, failed] }] })).toEqual([
    'test/architecture/contracts.test.ts: seat.taken of seating still upcasts the frozen example of each earlier version: AssertionError: "seat.taken@2" is not in frozen-messages.json: npm run record adds it',
  ])
})

it('a file of tests that does not load is a line with the reason', () => {
  const broken = { name, message: 'SyntaxError: Unexpected token\n  at two', assertionResults: [] }
  expect(differencesIn({ testResults: [broken] })).toEqual([
    'test/architecture/contracts.test.ts: SyntaxError: Unexpected token',
  ])
})
