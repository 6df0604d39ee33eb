/** Secret Manager for the local cloud: google.cloud.secretmanager.v1, and the Terraform type of its secrets. */

import { vendoredProto } from '../core/api/proto.ts'
import type { Plugin } from '../core/plugin.ts'
import { makeCore, type SecretManagerCore } from './core.ts'
import { secretManagerIam } from './iam.ts'
import { secretManagerAccess } from './permissions.ts'
import { secretGrants, secretProvisioner } from './terraform.ts'

export type { SecretManagerCore } from './core.ts'

export const secretManager: Plugin<SecretManagerCore> = {
  name: 'secret-manager',
  proto: () => vendoredProto(new URL('secret-manager.proto.json', import.meta.url)),
  create(context) {
    const core = makeCore(context)
    return {
      core,
      grpc: [
        {
          name: 'google.cloud.secretmanager.v1.SecretManagerService',
          unary: core.unary,
          access: secretManagerAccess,
        },
      ],
      resourceExists: core.resourceExists,
    }
  },
  terraform: { google_secret_manager_secret: secretProvisioner, ...secretGrants },
  iam: secretManagerIam,
}
