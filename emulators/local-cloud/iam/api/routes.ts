/** IAM's REST: service accounts, projects, and the policy of any resource of any API. */

import { type Context, Hono } from 'hono'
import { z } from 'zod'
import type { Http } from '../../core/service.ts'
import { checkedBody } from '../../core/api/checked-body.ts'
import { pageOf } from '../../core/api/page.ts'
import type { CloudContext } from '../../core/plugin.ts'
import { invalidArgument, notFound } from '../../core/status.ts'
import type { Accounts, AccountSettings } from '../accounts/accounts.ts'
import { refuseOthers } from '../policies/bindings.ts'
import type { Policies, Policy } from '../policies/policies.ts'
import type { PolicyKinds } from '../policies/policy-kinds.ts'
import type { Tokens } from '../accounts/tokens.ts'
import { limits } from '../values/limits.ts'

export function iamRoutes(
  { project }: CloudContext,
  { accounts, policies, kinds, tokens }: { accounts: Accounts; policies: Policies; kinds: PolicyKinds; tokens: Tokens },
): Http {
  const app: Http = new Hono()
  app.get('/oauth2/v3/certs', (c) => c.json(tokens.jwks()))
  app.route('/', accountRoutes(accounts))
  // Above the projects, whose names would take in the verb.
  app.route('/', policyRoutes(kinds, policies))

  const named = (name: string): void => {
    if (name !== project.id && name !== project.number) throw notFound(`Project not found: ${name}`)
  }
  app.get('/v1/projects/:project', (c) => {
    named(c.req.param('project'))
    return c.json({
      projectNumber: project.number,
      projectId: project.id,
      lifecycleState: 'ACTIVE',
      name: project.id,
    })
  })
  app.get('/v3/projects/:project', (c) => {
    named(c.req.param('project'))
    return c.json({
      name: `projects/${project.number}`,
      projectId: project.id,
      state: 'ACTIVE',
      displayName: project.id,
    })
  })
  return app
}

/** The fields of a service account in a request; Google ignores its output-only fields on input. */
const accountFields = [
  'name',
  'projectId',
  'uniqueId',
  'email',
  'displayName',
  'description',
  'etag',
  'oauth2ClientId',
  'disabled',
]

const accountSchema = z.looseObject({ displayName: z.string().optional(), description: z.string().optional() })
const creation = z.looseObject({ accountId: z.string().optional(), serviceAccount: accountSchema.optional() })
const change = z.looseObject({ serviceAccount: accountSchema.optional(), updateMask: z.string().optional() })
const bindingSchema = z.looseObject({
  role: z.string(),
  members: z.array(z.string()).optional(),
  condition: z
    .looseObject({ expression: z.string(), title: z.string().optional(), description: z.string().optional() })
    .optional(),
})
const auditConfigSchema = z.strictObject({
  service: z.string(),
  auditLogConfigs: z.array(
    z.strictObject({
      logType: z.enum(['ADMIN_READ', 'DATA_READ', 'DATA_WRITE']),
      exemptedMembers: z.array(z.string()).optional(),
    }),
  ),
})
const policyChange = z.looseObject({
  policy: z
    .looseObject({
      etag: z.string().optional(),
      bindings: z.array(bindingSchema).optional(),
      auditConfigs: z.array(auditConfigSchema).optional(),
    })
    .optional(),
})
const permissionsTest = z.looseObject({ permissions: z.array(z.string()).default([]) })

const account = '/v1/projects/:project/serviceAccounts/:account'

function accountRoutes(accounts: Accounts): Http {
  const app: Http = new Hono()
  const settingsOf = (json: unknown): AccountSettings => {
    const settings = (json ?? {}) as AccountSettings
    refuseOthers(settings, accountFields, 'service_account')
    return settings
  }
  app.post('/v1/projects/:project/serviceAccounts', async (c) => {
    const { accountId, serviceAccount, ...others } = checkedBody(await c.req.text(), creation)
    refuseOthers(others, [], '')
    return c.json(accounts.create(c.req.param('project'), accountId, settingsOf(serviceAccount)))
  })
  app.get('/v1/projects/:project/serviceAccounts', (c) => {
    const all = accounts.list(c.req.param('project'))
    const request = { pageSize: Number(c.req.query('pageSize') ?? 0), pageToken: c.req.query('pageToken') }
    const { page, nextPageToken } = pageOf(all, request, limits.accountsPerPage, limits.defaultAccountsPerPage)
    return c.json({ accounts: page, ...(nextPageToken === '' ? {} : { nextPageToken }) })
  })
  app.get(account, (c) => c.json(accounts.get(accountOf(c.req.path))))
  app.patch(account, async (c) => {
    const { serviceAccount, updateMask, ...others } = checkedBody(await c.req.text(), change)
    refuseOthers(others, [], '')
    return c.json(accounts.update(accountOf(c.req.path), masked(settingsOf(serviceAccount), updateMask)))
  })
  app.delete(account, (c) => {
    accounts.delete(accountOf(c.req.path))
    return c.json({})
  })
  app.post(account, (c, next) => {
    const [, name, verb] = /^(.*):(disable|enable)$/.exec(accountOf(c.req.path)) ?? []
    if (!name) return next()
    accounts.setDisabled(name, verb === 'disable')
    return c.json({})
  })
  return app
}

/** Without a mask, all fields that are present are set. */
function masked(settings: AccountSettings, mask: unknown): AccountSettings {
  if (mask === undefined) return settings
  const paths = String(mask).split(',')
  const other = paths.find((path) => !['displayName', 'display_name', 'description'].includes(path))
  if (other) throw invalidArgument(`Update mask ${other} is not allowed: displayName and description are.`)
  return {
    ...(paths.includes('description') ? { description: settings.description ?? '' } : {}),
    ...(paths.some((path) => /^display_?name$/i.test(path)) ? { displayName: settings.displayName ?? '' } : {}),
  }
}

function policyRoutes({ paths }: PolicyKinds, policies: Policies): Http {
  const app: Http = new Hono()
  const served = paths.map(({ kind, prefix, path }) => ({ kind, prefix, path: new RegExp(`^${path}$`) }))
  app.on(['GET', 'POST'], '*', (c, next) => {
    const [, path = '', verb] = /^(.*):(getIamPolicy|setIamPolicy|testIamPermissions)$/.exec(c.req.path) ?? []
    const found = served.find((one) => one.path.test(path))
    if (!found || c.req.method !== (verb === 'getIamPolicy' ? found.kind.read : 'POST')) return next()
    return answerPolicy(c, decoded(path.slice(found.prefix.length + 1)), { verb, policies })
  })
  return app
}

/** In proto3 JSON a version that is not set is absent. */
const policyJson = ({ version, ...policy }: Policy): object => ({ ...(version === 0 ? {} : { version }), ...policy })

async function answerPolicy(
  c: Context,
  resource: string,
  { verb, policies }: { verb: string | undefined; policies: Policies },
): Promise<Response> {
  if (verb === 'getIamPolicy') return c.json(policyJson(policies.get(resource)))
  const text = await c.req.text()
  if (verb === 'testIamPermissions') {
    const { permissions, ...others } = checkedBody(text, permissionsTest)
    refuseOthers(others, [], '')
    return c.json({ permissions: policies.testPermissions(c.get('context').principal, resource, permissions) })
  }
  const body = checkedBody(text, policyChange)
  refuseOthers(body, ['policy', 'updateMask'], '')
  const policy = body.policy as Partial<Policy> | undefined
  if (!policy) throw invalidArgument('The request has no policy.')
  refuseOthers(policy, ['version', 'etag', 'bindings', 'auditConfigs'], 'policy')
  return c.json(policyJson(policies.set(resource, policy)))
}

/** `/v1/projects/p/serviceAccounts/a` → `projects/p/serviceAccounts/a`. */
const accountOf = (path: string): string => decoded(path.replace(/^\/v1\//, ''))

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    throw invalidArgument(`The path holds "${name}", which is not percent-encoded UTF-8.`)
  }
}
