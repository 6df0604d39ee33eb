/** IAM for the local cloud: service accounts, policies, tokens and the metadata server. */

import { Hono } from 'hono'
import type { Http } from '../core/service.ts'
import { vendoredProto } from '../core/api/proto.ts'
import type { Plugin } from '../core/plugin.ts'
import { policyService } from './api/grpc.ts'
import { metadataServer } from './api/metadata.ts'
import { iamRoutes } from './api/routes.ts'
import { createState, type IamCore } from './core.ts'
import { ownFacts } from './iam.ts'
import { iamAccess } from './permissions.ts'
import { accountGrants, projectGrants, serviceAccount } from './terraform.ts'

export type { IamCore } from './core.ts'

export const iam: Plugin<IamCore> = {
  name: 'iam',
  proto: () => vendoredProto(new URL('iam.proto.json', import.meta.url)),
  async create(context) {
    const { core, ...state } = await createState(context)
    const http: Http = new Hono()
    http.route('/', metadataServer(context, state.accounts, state.tokens))
    http.route('/', iamRoutes(context, state))
    return {
      core,
      grpc: [policyService(state.policies, state.kinds)],
      http,
      routes: iamAccess(state.kinds),
      resourceExists(name) {
        if (name === `projects/${context.project.id}`) return true
        const email = /^projects\/[^/]+\/serviceAccounts\/([^/]+)$/.exec(name)?.[1]
        return email === undefined ? undefined : state.accounts.find(email) !== undefined
      },
    }
  },
  terraform: {
    google_service_account: serviceAccount,
    ...accountGrants,
    ...projectGrants,
  },
  iam: ownFacts,
  environment: (host) => ({ GCE_METADATA_HOST: host, METADATA_SERVER_DETECTION: 'assume-present' }),
}
