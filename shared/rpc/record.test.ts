import { parse } from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { fieldNameOf, type RpcRecord } from '../contracts/rpc-record.ts'
import type { Operation } from '../service/operation.ts'
import { protoBreaksOf, protoOf, recordOf, rpcBreaksOf } from './record.testing.ts'

const reserve: Operation = {
  method: 'post',
  path: '/v1/rooms/{roomId}/seats',
  summary: 'Reserve seats',
  access: 'public',
  requiresIdempotencyKey: true,
  parameters: { roomId: z.string() },
  body: z.strictObject({ guests: z.array(z.strictObject({ name: z.string() })).min(1), kind: z.enum(['near', 'far']) }),
  answers: { 201: ['Reserved.', z.object({ seatCount: z.int(), isFree: z.boolean().nullable() })] },
}
const body = (fields: z.ZodRawShape): Operation => ({ ...reserve, body: z.strictObject(fields) })
const recorded = (operation: Operation = reserve, old: RpcRecord = {}): RpcRecord =>
  recordOf('night-desk', { reserve: operation }, old).record
const name = 'millrace.night_desk.v1'

describe('the record of an operation', () => {
  it('has each parameter and field with a number', () => {
    expect(recorded()[name]).toEqual({
      methods: { Reserve: { operation: 'reserve' } },
      messages: {
        ReserveRequest: {
          roomId: { number: 1, type: 'string' },
          guests: { number: 2, type: 'ReserveRequest.Guest', repeated: true },
          kind: { number: 3, type: 'string' },
        },
        'ReserveRequest.Guest': { name: { number: 1, type: 'string' } },
        ReserveResponse: { seatCount: { number: 1, type: 'int64' }, isFree: { number: 2, type: 'bool' } },
      },
    })
  })

  it('keeps numbers when fields change their places, and gives a new field the next one', () => {
    const guests = z.array(z.strictObject({ age: z.int(), name: z.string() })).min(1)
    const now = recorded(body({ kind: z.enum(['near', 'far']), note: z.string().optional(), guests }), recorded())
    const fields = now[name]!.messages['ReserveRequest']!
    expect(Object.entries(fields).map(([field, { number }]) => [field, number])).toEqual([
      ['roomId', 1],
      ['guests', 2],
      ['kind', 3],
      ['note', 4],
    ])
    expect(now[name]!.messages['ReserveRequest.Guest']).toMatchObject({ name: { number: 1 }, age: { number: 2 } })
    expect(rpcBreaksOf(recorded(), now)).toEqual([])
  })

  it.each<[string, Operation, string]>([
    [
      'a field is gone',
      body({ kind: z.string() }),
      `${name} ReserveRequest.guests is gone: its number 2 stays its own`,
    ],
    [
      'a field has another type',
      body({ guests: z.array(z.strictObject({ name: z.string() })).min(1), kind: z.int() }),
      `${name} ReserveRequest.kind: type was string, and is int64`,
    ],
    [
      'a list is no list any more',
      body({ guests: z.strictObject({ name: z.string() }), kind: z.string() }),
      `${name} ReserveRequest.guests: repeated was true, and is absent`,
    ],
  ])('breaks clients when %s', (_, operation, fault) => {
    expect(rpcBreaksOf(recorded(), recorded(operation, recorded()))).toContain(fault)
  })

  it('breaks clients when a method is gone', () => {
    expect(rpcBreaksOf(recorded(), { [name]: { methods: {}, messages: {} } })).toContain(`${name} Reserve is gone`)
    expect(rpcBreaksOf(recorded(), {})).toEqual([`${name} is gone`])
  })

  it.each<[string, Operation, string]>([
    [
      'an open object',
      body({ guests: z.record(z.string(), z.string()) }),
      'ReserveRequest.guests has a schema that no field can say',
    ],
    [
      'a required list that may be empty',
      body({ guests: z.array(z.string()) }),
      'ReserveRequest.guests is required and may be empty',
    ],
    [
      'a parameter that its body has too',
      body({ roomId: z.string() }),
      'has roomId both as a parameter and in its body',
    ],
  ])('refuses %s by name', (_, operation, fault) => {
    expect(() => recorded(operation)).toThrow(fault)
  })

  it('is a .proto file that others read', () => {
    const { record, values } = recordOf('night-desk', { reserve }, {})
    const text = protoOf(name, record[name]!, () => 'Reserve seats.', values)
    const { root } = parse(text)
    expect(root.lookupService(`${name}.NightDeskService`).methods['Reserve']).toMatchObject({
      requestType: 'ReserveRequest',
    })
    const request = root.lookupType(`${name}.ReserveRequest`)
    expect(request.fields['guests']).toMatchObject({ id: 2, rule: 'repeated', type: 'Guest' })
    expect(text).toContain('// near, far')
  })

  it('has the numbers of the .proto file, which an edit of the record does not turn', () => {
    const { record, values } = recordOf('night-desk', { reserve }, {})
    const one = record[name]!
    const text = protoOf(name, one, () => 'Reserve seats.', values)
    expect(protoBreaksOf(text, name, one)).toEqual([])
    const { roomId, kind, guests } = one.messages['ReserveRequest']!
    const request = { roomId: { ...roomId!, number: 3 }, guests: guests!, kind: { ...kind!, number: 1 } }
    const turned = { ...one, messages: { ...one.messages, ReserveRequest: request } }
    // A record that was edited is its own standard: only the file tells.
    expect(rpcBreaksOf({ [name]: turned }, { [name]: turned })).toEqual([])
    expect(protoBreaksOf(text, name, turned)).toEqual([
      `${name} ReserveRequest.${fieldNameOf('roomId')}: the .proto file has the number 1, and the record 3`,
      `${name} ReserveRequest.kind: the .proto file has the number 3, and the record 1`,
    ])
    const { 'ReserveRequest.Guest': _, ...fewer } = one.messages
    expect(protoBreaksOf(text, name, { ...one, messages: fewer })).toEqual([
      `${name} ReserveRequest.Guest.name: the .proto file has the number 1, and the record none`,
    ])
  })

  it('has an earlier version of an operation in a package of its own', () => {
    const both = recordOf('desk', { reserve: { ...reserve, path: '/v2/rooms/{roomId}/seats' }, reserveV1: reserve }, {})
    expect(Object.entries(both.record).map(([one, { methods }]) => [one, Object.keys(methods)])).toEqual([
      ['millrace.desk.v2', ['Reserve']],
      ['millrace.desk.v1', ['Reserve']],
    ])
  })
})
