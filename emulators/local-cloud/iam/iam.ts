/** IAM facts of IAM itself: accounts and the project have policies, too. */

import type { IamFacts, PolicyKind } from '../core/iam-facts.ts'

export const projectPolicy: PolicyKind = {
  name: 'projects/{project}',
  permissions: 'resourcemanager.projects',
  prefixes: ['/v1', '/v3'],
  read: 'POST',
  takesAnyRole: true,
}
export const accountPolicy: PolicyKind = {
  name: 'projects/{project}/serviceAccounts/{account}',
  permissions: 'iam.serviceAccounts',
  prefixes: ['/v1'],
  read: 'POST',
}

/** https://cloud.google.com/iam/docs/understanding-roles */
export const ownFacts: IamFacts = {
  policies: [projectPolicy, accountPolicy],
  roles: {
    'roles/iam.serviceAccountUser': [
      'iam.serviceAccounts.actAs',
      'iam.serviceAccounts.get',
      'iam.serviceAccounts.list',
    ],
    'roles/iam.serviceAccountTokenCreator': [
      'iam.serviceAccounts.getAccessToken',
      'iam.serviceAccounts.getOpenIdToken',
      'iam.serviceAccounts.implicitDelegation',
      'iam.serviceAccounts.signBlob',
      'iam.serviceAccounts.signJwt',
    ],
    'roles/iam.serviceAccountOpenIdTokenCreator': ['iam.serviceAccounts.getOpenIdToken'],
  },
}

/** Roles that stacks grant for APIs which no emulator serves. An emulator of such an API declares them itself. */
export const unservedFacts: IamFacts = {
  roles: {
    'roles/logging.logWriter': ['logging.logEntries.create', 'logging.logEntries.route'],
    'roles/artifactregistry.reader': ['artifactregistry.repositories.downloadArtifacts'],
    'roles/artifactregistry.writer': ['artifactregistry.repositories.uploadArtifacts'],
    'roles/serviceusage.serviceUsageConsumer': ['serviceusage.services.use'],
    'roles/firebaseauth.viewer': ['firebaseauth.configs.get', 'firebaseauth.users.get'],
  },
}
