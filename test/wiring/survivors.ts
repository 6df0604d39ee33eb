/** Resources without which an order still plays, each with the reason why that is right. */

import type { TerraformResource } from 'local-google-cloud'

const unheard = [
  'stock.rejected',
  'order.expired',
  'order.stalled',
  'order.closed',
  'saga.stuck',
  'payment.action-required',
  'payment.capture-failed',
  'payment.voided',
]

const roleOf = ({ attributes }: TerraformResource): string => String(attributes['role']).replace('roles/', '')
const isOf = ({ attributes }: TerraformResource, account: string): boolean =>
  String(attributes['member']).startsWith(`serviceAccount:${account}@`)

const rules: readonly { readonly reason: string; readonly covers: (resource: TerraformResource) => boolean }[] = [
  {
    reason: 'without it traces, metrics and logs are lost, and no order is',
    covers: (resource) =>
      resource.type === 'google_project_iam_member' &&
      /^(telemetry|logging|monitoring|serviceusage)\./.test(roleOf(resource)),
  },
  {
    reason: 'how the account of a member of the staff stood is remembered for minutes',
    covers: (resource) => roleOf(resource) === 'firebaseauth.viewer',
  },
  {
    reason: 'people call on the port of the owner, who may everything',
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
      type === 'google_pubsub_topic_iam_member' && unheard.includes(String(attributes['topic'])),
  },
  {
    reason: 'asked to repeat only when an answer is late',
    covers: (resource) =>
      resource.type === 'google_cloud_tasks_queue_iam_member' &&
      resource.attributes['name'] === 'shipping' &&
      isOf(resource, 'orders'),
  },
  {
    reason: 'submitted only when the payment provider notes something',
    covers: (resource) =>
      resource.type === 'google_cloud_run_v2_service_iam_member' &&
      isOf(resource, 'gateway') &&
      resource.attributes['name'] === 'payments',
  },
  {
    reason: 'payments tells itself only to void, or to capture one parcel of several',
    covers: (resource) =>
      isOf(resource, 'payments') &&
      (resource.type === 'google_service_account_iam_member' ||
        ((resource.type === 'google_cloud_tasks_queue_iam_member' ||
          resource.type === 'google_cloud_run_v2_service_iam_member') &&
          resource.attributes['name'] === 'payments')),
  },
  {
    reason: 'sent when a customer withdraws something, and delivered a month later',
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
    reason: 'asked only for a SKU that the replica of prices has not heard of yet',
    covers: ({ type, stack, attributes }) =>
      type === 'google_cloud_run_v2_service_iam_member' &&
      stack.endsWith('-catalog') &&
      String(attributes['member']).includes(':orders@'),
  },
  {
    reason: 'what operators send carries it, and no operator acts in a success or a decline',
    covers: ({ type, attributes }) =>
      (type === 'google_service_account' && attributes['account_id'] === 'operations') ||
      (type === 'google_cloud_run_v2_service_iam_member' && String(attributes['member']).includes(':operations@')),
  },
  {
    reason: 'the timer of an order, which fires only when an answer is late',
    covers: ({ type, stack, attributes }) =>
      type === 'google_cloud_run_v2_service_iam_member' &&
      stack.endsWith('-orders') &&
      String(attributes['member']).includes(':orders@'),
  },
  {
    reason: 'asked to repeat only when an answer is late',
    covers: ({ type, stack, attributes }) =>
      type === 'google_cloud_run_v2_service_iam_member' &&
      stack.endsWith('-shipping') &&
      String(attributes['member']).includes(':orders@'),
  },
  {
    reason: 'without the answer to a compensation it is sent again after a minute, and the order stays rejected',
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
      unheard.some((event) => String(attributes['name']).endsWith(`.${event}`)),
  },
  {
    reason: 'without the exemption writes cost more, without the policy documents stay longer, nothing else',
    covers: ({ type }) => type === 'google_firestore_field',
  },
  {
    reason: 'asked to repeat or replayed to only when something went wrong, or a month after a withdrawal',
    covers: ({ type, attributes }) =>
      type === 'google_cloud_tasks_queue' &&
      ['customers', 'history', 'notifications'].includes(String(attributes['name'])),
  },
]

/** Why this resource is not missed, or undefined when it must be. */
export function survives(resource: TerraformResource): string | undefined {
  return rules.find(({ covers }) => covers(resource))?.reason
}
