/** Snapshots: create, get, update, list, delete, and those of one topic. */

import { closeSnapshot, openSnapshot } from '../lifecycle.ts'
import { type Mask, type MaybeTime, maybeMs, protoTime } from '../../core/proto-values.ts'
import { failedPrecondition, invalidArgument } from '../../core/status.ts'
import { checkLabels } from '../values/labels.ts'
import { limits } from '../values/limits.ts'
import { checkName, checkProject, idOf, projectOf, nameTakenError } from '../values/names.ts'
import { page, type PageRequest } from '../values/paging.ts'
import type { SnapshotRecord } from '../values/records.ts'
import { deliveryOf, snapshotOf, topicOf, type PubsubState } from '../state.ts'
import { checkMask, refuseNotEmulated } from './topics.ts'

type Labels = Readonly<Record<string, string>> | null

interface CreateRequest {
  readonly name?: string
  readonly subscription?: string
  readonly labels?: Labels
  readonly [field: string]: unknown
}

function createSnapshot(state: PubsubState, request: CreateRequest): object {
  refuseNotEmulated(request, ['tags'])
  const delivery = deliveryOf(state, request.subscription)
  const { name: source, topic } = delivery.record
  // Without a name, the service makes one.
  const name = checkName(
    request.name || `projects/${projectOf(source)}/snapshots/s-${state.context.newId()}`,
    'snapshots',
  )
  if (state.snapshots.has(name)) throw nameTakenError(name)
  const nowMs = state.context.clock.now()
  const expireMs = (delivery.oldest?.record.publishMs ?? nowMs) + limits.snapshotLifetimeMs
  if (expireMs - nowMs < limits.snapshotLifetimeMinMs) {
    throw failedPrecondition(
      `The backlog of the subscription ${idOf(source)} is too old: the snapshot would expire in less than an hour. Acknowledge its oldest messages first.`,
    )
  }
  const backlog = [...delivery.outstandingMessages].map(({ message }) => message)
  const record: SnapshotRecord = {
    name,
    topic,
    labels: checkLabels(request.labels),
    expireMs,
    backlog: backlog.map(({ record: { id } }) => id),
    fromId: state.store.newId(),
  }
  state.snapshotRecords.set(name, record)
  const snapshot = openSnapshot(state, record)
  for (const message of backlog) {
    state.store.keep(message)
    snapshot.hold(message)
  }
  return snapshotMessage(record)
}

const getSnapshot = (state: PubsubState, request: { snapshot?: string }): object =>
  snapshotMessage(snapshotOf(state, request.snapshot).record)

function updateSnapshot(
  state: PubsubState,
  request: { snapshot?: { name?: string; labels?: Labels; expireTime?: MaybeTime }; updateMask?: Mask },
): object {
  const snapshot = snapshotOf(state, request.snapshot?.name)
  const fields = checkMask(request.updateMask, { message: 'Snapshot', mutable: ['labels', 'expireTime'] })
  const updated = {
    ...snapshot.record,
    ...(fields.has('labels') && { labels: checkLabels(request.snapshot?.labels) }),
    ...(fields.has('expireTime') && { expireMs: expiry(state, maybeMs(request.snapshot?.expireTime)) }),
  }
  state.snapshotRecords.set(updated.name, updated)
  snapshot.record = updated
  return snapshotMessage(updated)
}

function expiry(state: PubsubState, expireMs: number | undefined): number {
  const nowMs = state.context.clock.now()
  if (expireMs !== undefined && expireMs > nowMs && expireMs <= nowMs + limits.snapshotLifetimeMs) return expireMs
  const given = expireMs === undefined ? 'unset' : new Date(expireMs).toISOString()
  throw invalidArgument(`The value for expire_time is ${given}: it must be within the next 7 days.`)
}

function listSnapshots(state: PubsubState, request: PageRequest & { project?: string }): object {
  const prefix = `${checkProject(request.project)}/snapshots/`
  const inProject = [...state.snapshots.keys()].filter((name) => name.startsWith(prefix))
  const { names, nextPageToken } = page(inProject, request)
  return { snapshots: names.map((name) => snapshotMessage(state.snapshots.get(name)!.record)), nextPageToken }
}

export function listTopicSnapshots(state: PubsubState, request: PageRequest & { topic?: string }): object {
  const { name: topic } = topicOf(state, request.topic).record
  const ofTopic = [...state.snapshots.values()].filter(({ record }) => record.topic === topic)
  const { names, nextPageToken } = page(
    ofTopic.map(({ record }) => record.name),
    request,
  )
  return { snapshots: names, nextPageToken }
}

function deleteSnapshot(state: PubsubState, request: { snapshot?: string }): object {
  closeSnapshot(state, snapshotOf(state, request.snapshot).record.name)
  return {}
}

const snapshotMessage = ({ name, topic, labels, expireMs }: SnapshotRecord): object => ({
  name,
  topic,
  labels,
  expireTime: protoTime(expireMs),
})

/** By their names in the API; `listTopicSnapshots` is a method of the publisher. */
export const snapshotMethods = { createSnapshot, getSnapshot, updateSnapshot, listSnapshots, deleteSnapshot }
