/** IAM's REST: service accounts, and the policy of any resource of any API. */

import { Hono } from 'hono'
import type { Http } from '../core/local-cloud.ts'
import { invalidArgument } from '../core/status.ts'
import type { Accounts } from './accounts.ts'
import type { Policies, Policy } from './policies.ts'
import type { Tokens } from './tokens.ts'

export function iamRoutes(accounts: Accounts, policies: Policies, tokens: Tokens): Http {
  const app: Http = new Hono()
  app.get('/oauth2/v3/certs', (c) => c.json(tokens.jwks()))

  app.post('/v1/projects/:project/serviceAccounts', async (c) =>
    c.json(accounts.create(c.req.param('project'), await c.req.json())),
  )
  app.get('/v1/projects/:project/serviceAccounts', (c) => c.json({ accounts: accounts.list(c.req.param('project')) }))
  app.get('/v1/projects/:project/serviceAccounts/:email', (c) => c.json(accounts.get(resourceOf(c.req.path))))
  app.patch('/v1/projects/:project/serviceAccounts/:email', async (c) => {
    const { serviceAccount = {} } = await c.req.json<{ serviceAccount?: object }>()
    return c.json(accounts.update(resourceOf(c.req.path), serviceAccount))
  })
  app.delete('/v1/projects/:project/serviceAccounts/:email', (c) => {
    accounts.delete(resourceOf(c.req.path))
    return c.json({})
  })

  // Pub/Sub and projects are v1, Cloud Tasks and Cloud Run v2, Resource Manager v3 too; BigQuery has its own prefix.
  app.on(['GET', 'POST'], '*', async (c, next) => {
    const verb = /:(getIamPolicy|setIamPolicy|testIamPermissions)$/.exec(c.req.path)?.[1]
    if (!verb) return next()
    const resource = resourceOf(c.req.path.slice(0, -verb.length - 1))
    const body = c.req.method === 'GET' ? {} : await json(await c.req.text())
    switch (verb) {
      case 'getIamPolicy':
        return c.json(policies.get(resource))
      case 'setIamPolicy': {
        const policy = body['policy'] as Partial<Policy> | undefined
        if (!policy) throw invalidArgument('The request has no policy.')
        return c.json(policies.set(resource, policy))
      }
      default:
        return c.json({
          permissions: policies.testPermissions(
            c.get('context').principal,
            resource,
            (body['permissions'] ?? []) as string[],
          ),
        })
    }
  })
  return app
}

/** `/v2/projects/p/…` → `projects/p/…`. */
function resourceOf(path: string): string {
  return decodeURIComponent(path.replace(/^\/(bigquery\/)?v\d\//, ''))
}

async function json(text: string): Promise<Record<string, unknown>> {
  try {
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  } catch (error) {
    throw invalidArgument(`Invalid JSON payload received. ${(error as Error).message}`)
  }
}
