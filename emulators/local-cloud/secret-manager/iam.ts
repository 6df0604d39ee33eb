/** Secret Manager's declarations for IAM: secrets have policies, their versions follow them. */

import type { IamFacts, PolicyKind } from '../core/iam-facts.ts'

export const secretPolicy: PolicyKind = {
  name: 'projects/{project}/secrets/{secret}',
  permissions: 'secretmanager.secrets',
  prefixes: ['/v1'],
  read: 'GET',
}

const viewer = [
  'secretmanager.secrets.get',
  'secretmanager.secrets.getIamPolicy',
  'secretmanager.secrets.list',
  'secretmanager.versions.get',
  'secretmanager.versions.list',
]
const versionManager = [
  'secretmanager.versions.add',
  'secretmanager.versions.destroy',
  'secretmanager.versions.disable',
  'secretmanager.versions.enable',
  'secretmanager.versions.get',
  'secretmanager.versions.list',
]

/** https://cloud.google.com/secret-manager/docs/access-control */
export const secretManagerIam: IamFacts = {
  policies: [secretPolicy],
  roles: {
    'roles/secretmanager.secretAccessor': ['secretmanager.versions.access'],
    'roles/secretmanager.secretVersionAdder': ['secretmanager.versions.add'],
    'roles/secretmanager.secretVersionManager': versionManager,
    'roles/secretmanager.viewer': viewer,
    'roles/secretmanager.admin': [
      ...new Set([...viewer, ...versionManager]),
      'secretmanager.secrets.create',
      'secretmanager.secrets.delete',
      'secretmanager.secrets.setIamPolicy',
      'secretmanager.secrets.update',
      'secretmanager.versions.access',
    ],
  },
}
