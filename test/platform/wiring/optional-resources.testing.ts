/** Resources without which the scenario still succeeds, each with the reason. */

import type { TerraformResource } from 'local-google-cloud'

const notEmitted = [
  'stock.rejected',
  'order.expired',
  'order.payment-needed',
  'order.payment-continued',
  'order.stalled',
  'order.closed',
  'saga.stuck',
  'payment.action-required',
  'payment.undecided',
  'payment.capture-failed',
  'payment.voided',
  'webhook.disabled',
]

const roleOf = ({ attributes }: TerraformResource): string => String(attributes['role']).replace('roles/', '')
const isOf = ({ attributes }: TerraformResource, account: string): boolean =>
  String(attributes['member']).startsWith(`serviceAccount:${account}@`)

const rules: readonly { readonly reason: string; readonly covers: (resource: TerraformResource) => boolean }[] = [
  {
    reason: 'analysts read the views; orders do not',
    covers: ({ type }) => type === 'google_bigquery_dataset_access',
  },
  {
    reason: 'a backup is taken after the scenario; no order reads it',
    covers: ({ type }) => type === 'google_firestore_backup_schedule',
  },
  {
    reason: 'read when an instance starts; the scenario has running ones (test/platform/in-turn/secrets.testing.ts)',
    covers: ({ type }) => type.startsWith('google_secret_manager_secret'),
  },
  {
    reason: 'without it traces, metrics and logs are lost; orders are not',
    covers: (resource) =>
      resource.type === 'google_project_iam_member' &&
      /^(telemetry|logging|monitoring|serviceusage)\./.test(roleOf(resource)),
  },
  {
    reason: 'the state of a staff account is cached for minutes',
    covers: (resource) => roleOf(resource) === 'firebaseauth.viewer',
  },
  {
    reason: 'people call on the port of the owner, which has all permissions',
    covers: ({ type, attributes }) =>
      type.endsWith('_iam_member') && /^(group|user):/.test(String(attributes['member'])),
  },
  {
    reason: 'no message of a success or a decline is dead-lettered',
    covers: (resource) =>
      (resource.type === 'google_pubsub_subscription_iam_member' && roleOf(resource) === 'pubsub.subscriber') ||
      (resource.type === 'google_pubsub_topic_iam_member' &&
        String(resource.attributes['topic']).endsWith('-dead-letters')),
  },
  {
    reason: 'neither a success nor a decline emits it',
    covers: ({ type, attributes }) =>
      type === 'google_pubsub_topic_iam_member' && notEmitted.includes(String(attributes['topic'])),
  },
  {
    reason: 'called to republish only when a reply is late',
    covers: (resource) =>
      resource.type === 'google_cloud_tasks_queue_iam_member' &&
      resource.attributes['name'] === 'shipping' &&
      isOf(resource, 'orders'),
  },
  {
    reason: 'submitted only when the payment provider sends a webhook',
    covers: (resource) =>
      resource.type === 'google_cloud_run_v2_service_iam_member' &&
      isOf(resource, 'gateway') &&
      resource.attributes['name'] === 'payments',
  },
  {
    reason: 'payments sends itself commands only to void, or to capture one parcel of several',
    covers: (resource) =>
      isOf(resource, 'payments') &&
      (resource.type === 'google_service_account_iam_member' ||
        ((resource.type === 'google_cloud_tasks_queue_iam_member' ||
          resource.type === 'google_cloud_run_v2_service_iam_member') &&
          resource.attributes['name'] === 'payments')),
  },
  {
    reason: 'sent when a customer withdraws an entry, and delivered a month later',
    covers: (resource) =>
      isOf(resource, 'customers') &&
      (resource.type === 'google_service_account_iam_member' ||
        (['google_cloud_tasks_queue_iam_member', 'google_cloud_run_v2_service_iam_member'].includes(resource.type) &&
          resource.attributes['name'] === 'customers')),
  },
  {
    reason: 'the services run from the working copy: no image is built',
    covers: ({ type, attributes }) => type === 'google_service_account' && attributes['account_id'] === 'image-builder',
  },
  {
    reason: 'called only for a SKU that the replica of prices does not have',
    covers: ({ type, stack, attributes }) =>
      type === 'google_cloud_run_v2_service_iam_member' &&
      stack.endsWith('-catalog') &&
      String(attributes['member']).includes(':orders@'),
  },
  {
    reason: 'only operators use it, and no operator acts in a success or a decline',
    covers: ({ type, attributes }) =>
      (type === 'google_service_account' && attributes['account_id'] === 'operations') ||
      (type === 'google_cloud_run_v2_service_iam_member' && String(attributes['member']).includes(':operations@')),
  },
  {
    reason: 'the timer of an order, which fires only when a reply is late',
    covers: ({ type, stack, attributes }) =>
      type === 'google_cloud_run_v2_service_iam_member' &&
      stack.endsWith('-orders') &&
      String(attributes['member']).includes(':orders@'),
  },
  {
    reason: 'called to republish only when a reply is late',
    covers: ({ type, stack, attributes }) =>
      type === 'google_cloud_run_v2_service_iam_member' &&
      stack.endsWith('-shipping') &&
      String(attributes['member']).includes(':orders@'),
  },
  {
    reason: 'without the reply a compensation is sent again after a minute, and the order stays rejected',
    covers: ({ type, attributes }) =>
      type === 'google_pubsub_subscription' && attributes['name'] === 'orders.stock.released',
  },
  {
    reason: 'no message of a success or a decline is dead-lettered',
    covers: ({ type, attributes }) =>
      type === 'google_pubsub_subscription' && String(attributes['name']).endsWith('-dead-letters'),
  },
  {
    reason: 'neither a success nor a decline emits it',
    covers: ({ type, attributes }) =>
      type === 'google_pubsub_subscription' &&
      notEmitted.some((event) => String(attributes['name']).endsWith(`.${event}`)),
  },
  {
    reason: 'without an index the list that it serves is refused; no order reads one',
    covers: ({ type }) => type === 'google_firestore_index',
  },
  {
    reason:
      'without the exemption writes cost more, without the policy documents stay longer, without the index of one field a list is refused',
    covers: ({ type }) => type === 'google_firestore_field',
  },
  {
    reason: 'used only for republish and replay after a failure, or a month after a withdrawal',
    covers: ({ type, attributes }) =>
      type === 'google_cloud_tasks_queue' &&
      ['customers', 'history', 'notifications'].includes(String(attributes['name'])),
  },
  {
    reason: 'compares records at night; no order waits for it (test/platform/in-turn/reconciliation.testing.ts)',
    covers: ({ stack, address, attributes }) =>
      /reconcil|difference/.test(`${stack} ${address} ${String(attributes['member'])} ${String(attributes['topic'])}`),
  },
]

/** The reason why the scenario succeeds without this resource; undefined if it must fail. */
export function whyOptional(resource: TerraformResource): string | undefined {
  return rules.find(({ covers }) => covers(resource))?.reason
}
