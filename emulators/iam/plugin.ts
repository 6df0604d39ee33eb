/** IAM for the local cloud: service accounts, policies, ID tokens and the metadata server. */

import { Hono } from 'hono'
import type { Http } from '../core/local-cloud.ts'
import type { Plugin } from '../core/plugin.ts'
import { accounts } from './accounts.ts'
import { metadataServer } from './metadata.ts'
import { policies, type Policies } from './policies.ts'
import { iamRoutes } from './routes.ts'
import { members, serviceAccount } from './terraform.ts'
import { tokens, type Tokens } from './tokens.ts'

export interface IamCore extends Tokens, Pick<Policies, 'bindings' | 'hasRole' | 'isGranted'> {}

export const iam: Plugin<IamCore> = {
  name: 'iam',
  async create(context) {
    const known = accounts(context)
    const allow = policies(context, known)
    const issuer = await tokens(context, known)
    const http: Http = new Hono()
    http.route('/', iamRoutes(known, allow, issuer))
    http.route('/', metadataServer(context, known, issuer))
    return {
      core: { ...issuer, bindings: allow.bindings, hasRole: allow.hasRole, isGranted: allow.isGranted },
      http,
      resourceExists(name) {
        if (name === `projects/${context.project.id}`) return true
        const email = /^projects\/[^/]+\/serviceAccounts\/([^/]+)$/.exec(name)?.[1]
        return email === undefined ? undefined : known.find(email) !== undefined
      },
    }
  },
  terraform: { google_service_account: serviceAccount, ...members },
}
