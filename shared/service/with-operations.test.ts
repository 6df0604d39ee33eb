/** The grants of a public service follow from the operations that the services declare. */

import { expect, it } from 'vitest'
import { z } from 'zod'
import { defineContracts } from '../contracts/contract.ts'
import { defineSetting } from '../base/setting.ts'
import { apisFor } from './define-api.ts'
import { defineService, type Service } from './service.ts'
import { servicesOf } from './business.ts'
import { withOperations } from './with-operations.ts'

const seatsContracts = defineContracts({
  service: 'seats',
  events: {},
  commands: {
    TakeSeat: {
      version: 1,
      data: z.strictObject({ seat: z.string(), by: z.string() }),
      example: { seat: 'a', by: 'b' },
    },
  },
  queries: {
    readSeat: {
      method: 'get',
      path: '/seats/{seat}',
      parameters: { seat: z.string() },
      answers: { 200: z.object({}) },
    },
  },
})
const hallContracts = defineContracts({
  service: 'hall',
  events: {},
  commands: {},
  queries: { readHall: { method: 'get', path: '/hall', answers: { 200: z.object({}) } } },
})
const url = defineSetting('TILL_URL', z.string())
const defineApi = apisFor<'guest', 'guests'>()
const seatsApi = defineApi(
  seatsContracts,
  ({ asks, submits, handles }) => ({
    readSeat: asks('readSeat', { path: '/v1/seats/{seat}', summary: 'See', access: 'guests', answers: { 200: 'It.' } }),
    takeSeat: submits('TakeSeat', {
      path: '/v1/seats/{seat}',
      summary: 'Take',
      access: 'guests',
      derives: { by: ({ sub }) => sub },
      subject: 'seat',
      objective: { name: 'taking', title: 'Taking a seat' },
    }),
    notify: handles({
      method: 'post',
      path: '/v1/notices',
      summary: 'Receive a notice',
      access: 'signed',
      body: z.looseObject({}),
      answers: { 204: ['Accepted.'] },
    }),
  }),
  { uses: [hallContracts], queries: ['readHall'], settings: [url], secrets: { 'till-key': 'Verifies notices.' } },
)

const common = { uses: [], on: [], sends: [] } as const
const seats = defineService({
  ...common,
  name: 'seats',
  ingress: 'internal',
  contracts: seatsContracts,
  api: seatsApi,
  acceptsSubmitted: ['TakeSeat'],
})
const doorContracts = defineContracts({ service: 'door', events: {}, commands: {} })
const door = defineService({
  ...common,
  name: 'door',
  ingress: 'public',
  contracts: doorContracts,
})

it('a public service asks, submits and reads what they name, and no other service does', () => {
  const [served, own] = servicesOf({ services: { 0: door, 1: seats } })
  expect(served).toMatchObject({
    uses: [seatsContracts, hallContracts],
    queries: ['readSeat', 'readHall'],
    submits: ['TakeSeat'],
    calls: ['seats', 'hall'],
    settings: [url],
    secrets: { 'till-key': 'Verifies notices.' },
    requestObjectives: [{ name: 'taking', title: 'Taking a seat', method: 'POST', path: '/v1/seats/{seat}' }],
  })
  expect(own).toBe(seats)
  // A list of services is one of completed ones, and may be the business of a test.
  expect(servicesOf({ services: { 0: served!, 1: seats } })).toEqual([served, seats])
})

it('two services have no operation of one name', () => {
  expect(() => withOperations([door, seats, seats])).toThrow('seats and seats both have the operation readSeat')
})

it('two services have no operation of one method and path, whatever its parameters are called', () => {
  const hall = (path: string): Service => {
    const operations = { readHall: { ...seatsApi.operations.notify, method: 'get', path } } as const
    return { ...seats, name: 'hall', api: { contracts: hallContracts, operations, atEdge: seatsApi.atEdge } }
  }
  expect(() => withOperations([door, seats, hall('/v1/seats/{name}')])).toThrow(
    'seats answers GET /v1/seats/{seat}, and hall GET /v1/seats/{name}: some requests are both',
  )
  expect(() => withOperations([door, seats, hall('/v1/seats/{seat}/rows')])).not.toThrow()
})

it('two services have no operations of which one would hide requests of the other', () => {
  const hall = (path: string, method: 'get' | 'post' = 'get'): Service => {
    const operations = { readHall: { ...seatsApi.operations.notify, method, path } } as const
    return { ...seats, name: 'hall', api: { contracts: hallContracts, operations, atEdge: seatsApi.atEdge } }
  }
  expect(() => withOperations([door, seats, hall('/v1/seats/best')])).toThrow(
    'seats answers GET /v1/seats/{seat}, and hall GET /v1/seats/best',
  )
  expect(() => withOperations([door, seats, hall('/v1/{kind}/best')])).toThrow(
    'seats answers GET /v1/seats/{seat}, and hall GET /v1/{kind}/best',
  )
  expect(() => withOperations([door, seats, hall('/v1/{kind}/best', 'post')])).toThrow('POST')
  expect(() => withOperations([door, seats, hall('/v1/rows/{seat}')])).not.toThrow()
})

it('two services share a secret, and have no different ones of one name', () => {
  const hall = (secrets: Service['secrets']): Service => {
    const atEdge = { ...seatsApi.atEdge, secrets }
    return { ...seats, name: 'hall', api: { contracts: hallContracts, operations: {}, atEdge } }
  }
  const served = (secrets: Service['secrets']) => withOperations([door, seats, hall(secrets)])
  expect(served(seatsApi.atEdge.secrets)[0]!.secrets).toEqual({ 'till-key': 'Verifies notices.' })
  expect(() => served({ 'till-key': 'Opens the till.' })).toThrow(
    'seats and hall both declare the secret till-key, and not the same one',
  )
})

it('a command that its owner does not accept from outside is refused', () => {
  const closed = { ...seats, acceptsSubmitted: [] }
  expect(() => withOperations([door, closed])).toThrow(
    'An operation of seats submits TakeSeat, which seats does not accept from outside',
  )
})

it('a query, a command, a field or an access that there is not does not compile', () => {
  const declare = () => {
    defineApi(seatsContracts, ({ asks, submits, handles }) => ({
      // @ts-expect-error no such query
      a: asks('readRow', { path: '/a', summary: '', access: 'guests', answers: { 200: '' } }),
      // @ts-expect-error no such access
      b: asks('readSeat', { path: '/b/{seat}', summary: '', access: 'strangers', answers: { 200: '' } }),
      // @ts-expect-error the answer 200 has no meaning
      c: asks('readSeat', { path: '/c/{seat}', summary: '', access: 'guests', answers: {} }),
      // @ts-expect-error nothing gives the query its parameter
      d: asks('readSeat', { path: '/d', summary: '', access: 'guests', answers: { 200: '' } }),
      // @ts-expect-error access has no default
      e: submits('TakeSeat', { path: '/e', summary: '', subject: 'seat' }),
      // @ts-expect-error access has no default
      i: handles({ method: 'get', path: '/i', summary: '', answers: {} }),
      // @ts-expect-error no such access
      j: handles({ method: 'get', path: '/j', summary: '', access: 'strangers', answers: {} }),
      // @ts-expect-error it would have no actor
      h: submits('TakeSeat', { path: '/h', summary: '', access: 'public', subject: 'seat' }),
      // @ts-expect-error its answer is kept by no client
      k: submits('TakeSeat', { path: '/k', summary: '', access: 'guests', subject: 'seat', cache: { seconds: 30 } }),
      // @ts-expect-error nor a subject of this name
      f: submits('TakeSeat', { path: '/f', summary: '', access: 'guests', subject: 'row' }),
      g: submits('TakeSeat', {
        path: '/g',
        summary: '',
        access: 'guests',
        subject: 'seat',
        // @ts-expect-error the command has no such field
        derives: { row: () => '' },
      }),
    }))
  }
  // An unknown query is found when the service starts, too.
  expect(declare).toThrow(TypeError)
})

it('the body of a submission has the fields that neither path nor caller give', () => {
  const { body, parameters, requiresIdempotencyKey, problems } = seatsApi.operations.takeSeat.describe()
  expect([Object.keys(parameters), requiresIdempotencyKey, problems]).toEqual([['seat'], true, []])
  expect(body).toBeUndefined()
  const { priceSeat } = defineApi(seatsContracts, ({ submits }) => ({
    priceSeat: submits('TakeSeat', { path: '/v1/prices', summary: '', access: 'guests', subject: 'seat' }),
  })).operations
  expect(Object.keys(priceSeat.describe().body.shape)).toEqual(['seat', 'by'])
})
