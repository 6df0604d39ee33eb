/** A handler answers as its operation declares, and reaches nothing of the request that was not checked. */

import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { OperationContext } from '../service/operation-context.ts'
import { answersOf } from './answers.ts'

const seats = z.object({ seats: z.array(z.string().max(3)) })
const operation = {
  method: 'get',
  path: '/v1/seats',
  answers: { 200: ['Seats.', seats], 204: ['None.'] },
} as const

async function answer(handle: (c: OperationContext) => Response | Promise<Response>) {
  const http = new Hono()
  http.onError((error, c) => c.json({ error: error.message }, 500))
  const respond = answersOf(operation)
  http.get('/v1/seats', (c) => respond(c, handle))
  const response = await http.request('/v1/seats?row=7', { headers: { cookie: 'a=b' } })
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') }
}

describe('the handler of an operation', () => {
  it('answers the declared fields alone, without the bounds of requests', async () => {
    const { status, text } = await answer((c) => c.json({ seats: ['row 7'], card: '4111' }, 200))
    expect([status, JSON.parse(text)]).toEqual([200, { seats: ['row 7'] }])
  })

  it.each<[string, (c: OperationContext) => Response, string]>([
    ['a body that breaks its schema', (c) => c.json({ seats: 7 }, 200), 'The answer 200 to get /v1/seats breaks'],
    ['a body where none is declared', (c) => c.json({ seats: [] }, 204), 'declared without a body'],
    ['no body where one is declared', (c) => c.empty(200 as 204), 'declared with a body'],
    ['an undeclared status', (c) => c.json({ seats: [] }, 201), 'The answer 201 to get /v1/seats is not in the table'],
    ['a checked text of an undeclared status', (c) => c.checked('{}', 201, 'application/json'), 'is not in the table'],
    ['a Response of its own', () => Response.json({ seats: [] }), 'a Response that nothing checked'],
  ])('can not answer %s', async (_, handle, message) => {
    const { status, text } = await answer(handle)
    expect(status).toBe(500)
    expect(text).toContain(message)
  })

  it('hands on a text that was checked before, and a problem', async () => {
    const text = '{"seats":[]}'
    expect(await answer((c) => c.checked(text, 200, 'application/json'))).toMatchObject({ status: 200, text })
    expect(await answer((c) => c.problem({ code: 'sold-out' }, 409))).toMatchObject({
      status: 409,
      type: 'application/problem+json',
    })
  })

  it('reaches no header, query parameter or body of the request', async () => {
    let given: object = {}
    await answer((c) => {
      given = c
      return c.empty(204)
    })
    const answers = ['header', 'json', 'empty', 'checked', 'events', 'problem']
    expect(Object.keys(given)).toEqual(['request', 'instance', 'expectedVersion', 'waitSeconds', ...answers])
    expect(given).toMatchObject({ instance: '/v1/seats', request: { route: '/v1/seats' } })
  })
})
