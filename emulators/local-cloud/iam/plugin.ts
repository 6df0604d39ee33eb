/** IAM for the local cloud: service accounts, policies, tokens and the metadata server. */

import { Hono } from 'hono'
import { readFile } from 'node:fs/promises'
import type { Http, Plugin } from '../core/plugin.ts'
import { accounts } from './accounts.ts'
import { policyService } from './grpc.ts'
import { metadataServer } from './metadata.ts'
import { iamAccess } from './permissions.ts'
import { policies, type Policies } from './policies.ts'
import { iamRoutes } from './routes.ts'
import { members, serviceAccount } from './terraform.ts'
import { tokens, type Tokens } from './tokens.ts'

export interface IamCore extends Tokens, Pick<Policies, 'bindings' | 'isGranted' | 'usedGrants'> {}

export const iam: Plugin<IamCore> = {
  name: 'iam',
  proto: async () => JSON.parse(await readFile(new URL('iam.proto.json', import.meta.url), 'utf8')) as object,
  async create(context) {
    const known = accounts(context)
    const allow = policies(context, known)
    const issuer = await tokens(context, known)
    const http: Http = new Hono()
    http.route('/', metadataServer(context, known, issuer))
    http.route('/', iamRoutes(context, { accounts: known, policies: allow, tokens: issuer }))
    const { bindings, isGranted, usedGrants } = allow
    return {
      core: { ...issuer, bindings, isGranted, usedGrants },
      grpc: [policyService(allow)],
      http,
      routes: iamAccess,
      resourceExists(name) {
        if (name === `projects/${context.project.id}`) return true
        const email = /^projects\/[^/]+\/serviceAccounts\/([^/]+)$/.exec(name)?.[1]
        return email === undefined ? undefined : known.find(email) !== undefined
      },
    }
  },
  terraform: { google_service_account: serviceAccount, ...members },
}
