/** Pub/Sub's declarations for IAM: the resources with policies, and the permissions of roles on them. */

import type { IamFacts, PolicyKind } from '../core/iam-facts.ts'

export const topicPolicy: PolicyKind = {
  name: 'projects/{project}/topics/{topic}',
  permissions: 'pubsub.topics',
  prefixes: ['/v1'],
  read: 'GET',
}
export const subscriptionPolicy: PolicyKind = {
  name: 'projects/{project}/subscriptions/{subscription}',
  permissions: 'pubsub.subscriptions',
  prefixes: ['/v1'],
  read: 'GET',
}
export const schemaPolicy: PolicyKind = {
  name: 'projects/{project}/schemas/{schema}',
  permissions: 'pubsub.schemas',
  prefixes: ['/v1'],
  read: 'GET',
}
export const snapshotPolicy: PolicyKind = {
  name: 'projects/{project}/snapshots/{snapshot}',
  permissions: 'pubsub.snapshots',
  prefixes: ['/v1'],
  read: 'GET',
}

/** https://cloud.google.com/iam/docs/understanding-roles */
export const pubsubIam: IamFacts = {
  policies: [topicPolicy, subscriptionPolicy, schemaPolicy, snapshotPolicy],
  roles: {
    'roles/pubsub.editor': [
      'pubsub.schemas.attach',
      'pubsub.schemas.commit',
      'pubsub.schemas.create',
      'pubsub.schemas.delete',
      'pubsub.schemas.get',
      'pubsub.schemas.list',
      'pubsub.schemas.listRevisions',
      'pubsub.schemas.rollback',
      'pubsub.schemas.validate',
      'pubsub.snapshots.create',
      'pubsub.snapshots.delete',
      'pubsub.snapshots.get',
      'pubsub.snapshots.list',
      'pubsub.snapshots.seek',
      'pubsub.snapshots.update',
      'pubsub.subscriptions.consume',
      'pubsub.subscriptions.create',
      'pubsub.subscriptions.delete',
      'pubsub.subscriptions.get',
      'pubsub.subscriptions.list',
      'pubsub.subscriptions.update',
      'pubsub.topics.attachSubscription',
      'pubsub.topics.create',
      'pubsub.topics.delete',
      'pubsub.topics.detachSubscription',
      'pubsub.topics.get',
      'pubsub.topics.list',
      'pubsub.topics.publish',
      'pubsub.topics.update',
    ],
    'roles/pubsub.publisher': ['pubsub.topics.publish'],
    'roles/pubsub.subscriber': [
      'pubsub.snapshots.seek',
      'pubsub.subscriptions.consume',
      'pubsub.topics.attachSubscription',
    ],
  },
}
