/** Cloud Run's declarations for IAM: services have policies, and roles grant permissions on them. */

import type { IamFacts, PolicyKind } from '../core/iam-facts.ts'

export const servicePolicy: PolicyKind = {
  name: 'projects/{project}/locations/{location}/services/{service}',
  permissions: 'run.services',
  prefixes: ['/v2'],
  read: 'GET',
}

/** https://cloud.google.com/iam/docs/understanding-roles */
export const runIam: IamFacts = {
  policies: [servicePolicy],
  roles: {
    'roles/run.invoker': ['run.routes.invoke'],
    'roles/run.developer': [
      'run.services.create',
      'run.services.delete',
      'run.services.get',
      'run.services.getIamPolicy',
      'run.services.list',
      'run.services.update',
    ],
  },
}
