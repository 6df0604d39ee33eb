/** A parameter that an operation does not read is refused by name, so that no filter is silently left out. */

import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { answerProblem } from './http.ts'
import { checkSearch, parsedParameters } from './parameters.ts'

const contract = {
  path: '/v1/halls/{hall}/seats',
  parameters: { hall: z.string(), row: z.string().optional(), limit: z.string().optional() },
}

async function send(search: string, declared: Parameters<typeof checkSearch>[1] = contract) {
  const http = new Hono()
  http.onError((error, c) => answerProblem(c, error))
  http.get('/v1/halls/:hall/seats', (c) => {
    checkSearch(c, declared)
    return c.json({ detail: undefined })
  })
  const response = await http.request(`/v1/halls/h/seats${search}`)
  const { code, detail } = (await response.json()) as { readonly code?: string; readonly detail?: string }
  return [response.status, code, detail]
}

describe('the parameters behind a path', () => {
  it.each(['', '?', '?row=7', '?limit=5&row=7', '?row=', '?ro%77=7&', '?&limit=1'])(
    'may be those that are declared: "%s"',
    async (search) => expect(await send(search)).toEqual([200, undefined, undefined]),
  )

  it.each([
    ['?nope=1', 'The parameter "nope" is unknown. There are: row, limit.'],
    ['?row=7&limt=5', 'The parameter "limt" is unknown. Did you mean limit?'],
    ['?Row=7', 'The parameter "Row" is unknown. Did you mean row?'],
    ['?hall=other', 'The parameter "hall" is unknown. There are: row, limit.'],
    ['?nope', 'The parameter "nope" is unknown. There are: row, limit.'],
    ['?=1', 'The parameter "" is unknown. There are: row, limit.'],
    ['?__proto__=1', 'The parameter "__proto__" is unknown. There are: row, limit.'],
    ['?row[]=1', 'The parameter "row[]" is unknown. Did you mean row?'],
    ['?row=1&row=2', 'The parameter "row" is given more than once: send one.'],
    ['?row=1&ro%77=1', 'The parameter "row" is given more than once: send one.'],
  ])('are refused by name otherwise: %s', async (search, detail) => {
    expect(await send(search)).toEqual([400, 'invalid-parameter', detail])
  })

  it('are all refused where none is declared', async () => {
    const detail = 'The parameter "row" is unknown. This operation takes none behind its path.'
    const bare = { path: contract.path, parameters: { hall: z.string() } }
    expect(await send('?row=7', bare)).toEqual([400, 'invalid-parameter', detail])
  })

  it('are repeated in the refusal in part alone', async () => {
    const [, , detail] = await send(`?${'x'.repeat(5_000)}=1`)
    expect(detail).toBe(`The parameter "${'x'.repeat(99)}…" is unknown. There are: row, limit.`)
  })
})

describe('the parameters in a path, from a spelling that has no path', () => {
  it.each(['.', '..'])('name nothing as "%s", which would lead to another route', (hall) =>
    expect(() => parsedParameters(contract, (name) => (name === 'hall' ? hall : undefined))).toThrow(
      'There is nothing of this name: hall.',
    ),
  )

  it.each(['...', '..a', 'a', '__proto__'])('name something as "%s"', (hall) =>
    expect(parsedParameters(contract, (name) => (name === 'hall' ? hall : undefined))).toMatchObject({ hall }),
  )

  it('may be dots behind the path', () =>
    expect(parsedParameters(contract, (name) => (name === 'hall' ? 'h' : '..'))).toMatchObject({ row: '..' }))
})
