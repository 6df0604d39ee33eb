/** Faults for people and other programs, on the owner's port. */

import { Hono } from 'hono'
import type { Http } from '../service.ts'
import type { FaultRule, Faults } from './faults.ts'
import { parseJson } from '../json.ts'
import { invalidArgument } from '../status.ts'

export function faultRoutes(faults: Faults): Http {
  const app: Http = new Hono()
  app.get('/_local/faults', (c) => c.json({ faults: faults.list(), fired: [...faults.fired()] }))
  app.post('/_local/faults', async (c) => c.json(faults.add(await ruleOf(c.req)), 201))
  app.delete('/_local/faults', (c) => {
    faults.remove()
    return c.body(null, 204)
  })
  app.delete('/_local/faults/:id', (c) => {
    faults.remove(c.req.param('id'))
    return c.body(null, 204)
  })
  return app
}

async function ruleOf(request: { text(): Promise<string> }): Promise<FaultRule> {
  const body = parseJson(await request.text())
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw invalidArgument('The body must be a JSON object: {"principal", "method", "when", "action"}.')
  return body as FaultRule
}
