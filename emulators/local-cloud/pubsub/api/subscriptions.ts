/** Subscriptions: create, get, update, list, delete, change of the push endpoint. */

import { isDeepStrictEqual } from 'node:util'
import { closeSubscription, openSubscription } from '../lifecycle.ts'
import type { Mask } from '../../core/proto-values.ts'
import { failedPrecondition, invalidArgument } from '../../core/status.ts'
import { connectEndpoint } from '../endpoint.ts'
import { parseFilter } from '../values/filter.ts'
import { checkName, checkProject, idOf, notFoundError, nameTakenError } from '../values/names.ts'
import { page, type PageRequest } from '../values/paging.ts'
import type { SubscriptionRecord } from '../values/records.ts'
import { deliveryOf, topicOf, type PubsubState } from '../state.ts'
import {
  checkTogether,
  mutableFields,
  pushConfig,
  settingsOf,
  subscriptionMessage,
  type MutableField,
  type PushConfigInput,
  type SubscriptionInput,
} from './subscription-settings.ts'
import { checkMask, refuseNotEmulated } from './topics.ts'

const NOT_EMULATED = ['cloudStorageConfig', 'bigtableConfig', 'messageTransforms', 'tags'] as const

function createSubscription(state: PubsubState, input: SubscriptionInput): object {
  const name = checkName(input.name, 'subscriptions')
  const topic = topicOf(state, input.topic).record.name
  refuseNotEmulated(input, NOT_EMULATED)
  const filter = input.filter ?? ''
  parseFilter(filter)
  if (state.deliveries.has(name)) throw nameTakenError(name)
  const record: SubscriptionRecord = {
    ...settingsOf(input, state),
    name,
    topic,
    filter,
    serial: state.store.newId(),
    enableMessageOrdering: input.enableMessageOrdering ?? false,
    detached: false,
  }
  state.subscriptionRecords.set(name, record)
  openSubscription(state, record)
  return subscriptionMessage(record, state)
}

const getSubscription = (state: PubsubState, { subscription }: { subscription?: string }): object =>
  subscriptionMessage(deliveryOf(state, subscription).record, state)

function updateSubscription(
  state: PubsubState,
  request: { subscription?: SubscriptionInput; updateMask?: Mask },
): object {
  const input = request.subscription ?? {}
  const { record } = deliveryOf(state, input.name)
  refuseNotEmulated(input, NOT_EMULATED)
  const mask = checkMask(request.updateMask, {
    message: 'Subscription',
    mutable: Object.keys(mutableFields),
  })
  let updated = record
  for (const field of mask) updated = { ...updated, ...mutableFields[field as MutableField](input, state) }
  checkTogether(updated)
  change(state, updated)
  return subscriptionMessage(updated, state)
}

function modifyPushConfig(
  state: PubsubState,
  request: { subscription?: string; pushConfig?: PushConfigInput | null },
): object {
  const { record } = deliveryOf(state, request.subscription)
  const updated = { ...record, pushConfig: pushConfig(request.pushConfig) }
  checkTogether(updated)
  change(state, updated)
  return {}
}

function listSubscriptions(state: PubsubState, request: PageRequest & { project?: string }): object {
  const prefix = `${checkProject(request.project)}/subscriptions/`
  const inProject = [...state.deliveries.keys()].filter((name) => name.startsWith(prefix))
  const { names, nextPageToken } = page(inProject, request)
  const subscriptions = names.map((name) => subscriptionMessage(state.deliveries.get(name)!.record, state))
  return { subscriptions, nextPageToken }
}

function deleteSubscription(state: PubsubState, request: { subscription?: string }): object {
  const { name } = deliveryOf(state, request.subscription).record
  closeSubscription(state, name, notFoundError(name))
  return {}
}

/** The subscription keeps its settings, but holds and receives nothing any more. */
export function detachSubscription(state: PubsubState, request: { subscription?: string }): object {
  const { record } = deliveryOf(state, request.subscription)
  if (record.detached) throw invalidArgument(`The subscription ${idOf(record.name)} is detached already.`)
  const detached = { ...record, detached: true }
  closeSubscription(state, record.name, failedPrecondition(`The subscription ${idOf(record.name)} was detached.`))
  state.subscriptionRecords.set(record.name, detached)
  openSubscription(state, detached)
  return {}
}

function change(state: PubsubState, record: SubscriptionRecord): void {
  const delivery = state.deliveries.get(record.name)!
  const before = delivery.record
  state.subscriptionRecords.set(record.name, record)
  delivery.record = record
  if (sameEndpoint(before, record)) return
  if (record.pushConfig || record.bigqueryConfig) delivery.disconnect(notForPull())
  if (state.started) connectEndpoint(state, delivery)
}

function sameEndpoint(one: SubscriptionRecord, other: SubscriptionRecord): boolean {
  const parts = ({ pushConfig: push, bigqueryConfig: bigquery }: SubscriptionRecord) => [push, bigquery]
  return isDeepStrictEqual(parts(one), parts(other))
}

export const notForPull = () => failedPrecondition('This method is not supported for this subscription type.')

/** By their names in the API; `detachSubscription` is a method of the publisher. */
export const subscriptionMethods = {
  createSubscription,
  getSubscription,
  updateSubscription,
  listSubscriptions,
  deleteSubscription,
  modifyPushConfig,
}
