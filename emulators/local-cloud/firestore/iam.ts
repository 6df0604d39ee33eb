/** Firestore's declarations for IAM. Its databases have no policies; conditions on the project name them. */

import type { IamFacts } from '../core/iam-facts.ts'

/** https://cloud.google.com/iam/docs/understanding-roles */
export const firestoreIam: IamFacts = {
  roles: {
    'roles/datastore.user': [
      'datastore.databases.get',
      'datastore.entities.allocateIds',
      'datastore.entities.create',
      'datastore.entities.delete',
      'datastore.entities.get',
      'datastore.entities.list',
      'datastore.entities.update',
      'datastore.indexes.list',
      'datastore.namespaces.get',
      'datastore.namespaces.list',
      'datastore.statistics.get',
      'datastore.statistics.list',
    ],
  },
}
