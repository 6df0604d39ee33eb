/**
 * The schema of each message is recorded by its version, as the AsyncAPI document has it. A message that an earlier revision sent, or
 * that waits in a stream or a queue, is still taken: a change that refuses one fails with its place. `npm run record` adds to it.
 */

import { expect, it } from 'vitest'
import { isRecording, readRecord, RECORD, writeRecord } from '../../shared/contracts/records.testing.ts'
import { schemasByVersion } from '../../shared/edge/asyncapi.ts'
import { breaksOf, type Schema, type Snapshot } from '../../shared/edge/api-snapshot.testing.ts'
import { services } from '../index.ts'

type Schemas = Readonly<Record<string, Schema>>

const file = new URL('frozen-asyncapi.json', import.meta.url)
const frozen = readRecord(file) as Schemas
const now = JSON.parse(JSON.stringify(schemasByVersion(services))) as Schemas

/** Each message as a request whose body is its data. */
const promises = (schemas: Schemas): Snapshot =>
  Object.fromEntries(
    Object.entries(schemas).map(([type, body]) => [type, { takesToken: false, parameters: {}, body, answers: {} }]),
  )
const breaks = breaksOf(promises(frozen), promises(now))

it('each recorded message is still taken', () => {
  expect(breaks, 'leave the contract as it is: raise its version, and keep this one in previousVersions').toEqual([])
})

it('every version of every message is recorded', () => {
  if (isRecording && breaks.length === 0) writeRecord(file, frozen, now)
  else expect(now, RECORD).toEqual(frozen)
})

it('a field that is gone or required, a narrower bound and a version that is gone are named with their place', () => {
  const was = {
    'seat.taken@1': {
      type: 'object',
      properties: { seat: { type: 'string', maxLength: 40 } },
      additionalProperties: false,
    },
    'seat.freed@1': { type: 'object' },
  }
  const seat = { type: 'string', maxLength: 10 }
  const changes: readonly Schemas[] = [
    { 'seat.taken@1': { ...was['seat.taken@1'], properties: {} }, 'seat.freed@1': was['seat.freed@1'] },
    { ...was, 'seat.taken@1': { ...was['seat.taken@1'], required: ['row'] } },
    { ...was, 'seat.taken@1': { ...was['seat.taken@1'], properties: { seat } } },
    { 'seat.taken@1': was['seat.taken@1'] },
  ]
  expect(changes.flatMap((change) => breaksOf(promises(was), promises(change)))).toEqual([
    'seat.taken@1 body.seat: is gone',
    'seat.taken@1 body.row: is required',
    'seat.taken@1 body.seat: maxLength is 10, and was 40',
    'seat.freed@1 is gone',
  ])
})
