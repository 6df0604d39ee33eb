/**
 * The public operations as remote procedures: the numbers of their fields are recorded in the `rpc.json` of each service, and the
 * `.proto` files of clients are made from it. `npm run record` adds what was added; nothing changes what is recorded.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { RpcRecord } from '../../shared/contracts/rpc-record.ts'
import { isRecording, readRecord, RECORD, writeMade, writeRecord } from '../../shared/contracts/records.testing.ts'
import { fileOf, isRpc } from '../../shared/rpc/names.ts'
import { protoBreaksOf, protoOf, recordOf, rpcBreaksOf, sharedNumbers } from '../../shared/rpc/record.testing.ts'
import type { Operation } from '../../shared/service/operation.ts'
import { services } from '../index.ts'
import { app } from './app.ts'

const { operations, rpcs } = app.publicApi!
const owners = rpcs!.owners
const protoFile = (packageName: string): URL => new URL(`../../proto/${fileOf(packageName)}`, import.meta.url)

const describeOperation = (id: string): string => {
  const { summary, access, requiresIdempotencyKey } = operations[id]!
  return `${summary}. Access: ${access}.${requiresIdempotencyKey ? ' Send the metadata idempotency-key.' : ''}`
}

const records = services
  .map(({ name, ingress }) => {
    const own = Object.entries(operations).filter(
      ([id]) => (owners[id] ?? (ingress === 'public' ? name : undefined)) === name,
    )
    return { name, own: Object.fromEntries(own) as Record<string, Operation> }
  })
  .filter(({ own }) => Object.values(own).some(isRpc))
  .map(({ name, own }) => {
    const file = new URL(`../${name}/rpc.json`, import.meta.url)
    const recorded = readRecord(file) as RpcRecord
    return { name, file, recorded, now: recordOf(name, own, recorded) }
  })

describe.each(records)('the remote procedures of $name', ({ file, recorded, now: { record, values } }) => {
  const breaks = [
    ...rpcBreaksOf(recorded, record),
    ...Object.entries(record).flatMap(([packageName, one]) => {
      const proto = protoFile(packageName)
      return existsSync(proto) ? protoBreaksOf(readFileSync(proto, 'utf8'), packageName, one) : []
    }),
  ]

  it('are still what a client with the recorded files understands', () => {
    expect(breaks, 'leave the message as it is, and serve the change by another operation (/v2/…)').toEqual([])
    expect(sharedNumbers(record)).toEqual([])
  })

  it('are all that there are', () => {
    if (isRecording && breaks.length === 0) writeRecord(file, recorded, record)
    else expect(record, RECORD).toEqual(recorded)
  })

  it('are written as .proto files', () => {
    for (const [packageName, one] of Object.entries(record)) {
      const proto = protoFile(packageName)
      const text = protoOf(packageName, one, describeOperation, values)
      if (isRecording && breaks.length === 0) writeMade(proto, text)
      else expect(existsSync(proto) ? readFileSync(proto, 'utf8') : undefined, RECORD).toBe(text)
    }
  })
})

it('no .proto file is without its record', () => {
  const found = readdirSync(new URL('../../proto', import.meta.url), { recursive: true, encoding: 'utf8' })
  const made = records.flatMap(({ now }) => Object.keys(now.record).map(fileOf))
  expect(found.filter((one) => one.endsWith('.proto')).toSorted()).toEqual(made.toSorted())
})
