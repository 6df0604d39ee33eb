/** IAM for the local cloud: service accounts, policies, tokens and the metadata server. */

import { Hono } from 'hono'
import { readFile } from 'node:fs/promises'
import type { Http } from '../core/service.ts'
import type { Plugin } from '../core/plugin.ts'
import { accounts } from './accounts.ts'
import { ownFacts, unservedFacts } from './facts.ts'
import { policyService } from './grpc.ts'
import { metadataServer } from './metadata.ts'
import { iamAccess } from './permissions.ts'
import { policies, type Policies } from './policies.ts'
import { declaredPolicies } from './policy-kinds.ts'
import { declaredRoles } from './roles.ts'
import { iamRoutes } from './routes.ts'
import { accountMember, projectMember, serviceAccount } from './terraform.ts'
import { tokens, type Tokens } from './tokens.ts'

export interface IamCore extends Tokens, Pick<Policies, 'bindings' | 'isGranted' | 'usedGrants'> {}

export const iam: Plugin<IamCore> = {
  name: 'iam',
  proto: async () => JSON.parse(await readFile(new URL('iam.proto.json', import.meta.url), 'utf8')) as object,
  async create(context) {
    const known = accounts(context)
    const kinds = declaredPolicies(context.iamFacts)
    const roles = declaredRoles([...context.iamFacts, unservedFacts])
    const allow = policies(context, { accounts: known, roles, kinds })
    const issuer = await tokens(context, known)
    const http: Http = new Hono()
    http.route('/', metadataServer(context, known, issuer))
    http.route('/', iamRoutes(context, { accounts: known, policies: allow, kinds, tokens: issuer }))
    const { bindings, isGranted, usedGrants } = allow
    return {
      core: { ...issuer, bindings, isGranted, usedGrants },
      grpc: [policyService(allow, kinds)],
      http,
      routes: iamAccess(kinds),
      resourceExists(name) {
        if (name === `projects/${context.project.id}`) return true
        const email = /^projects\/[^/]+\/serviceAccounts\/([^/]+)$/.exec(name)?.[1]
        return email === undefined ? undefined : known.find(email) !== undefined
      },
    }
  },
  terraform: {
    google_service_account: serviceAccount,
    google_service_account_iam_member: accountMember,
    google_project_iam_member: projectMember,
  },
  iam: ownFacts,
  environment: (host) => ({ GCE_METADATA_HOST: host, METADATA_SERVER_DETECTION: 'assume-present' }),
}
