/**
 * The callers of each operation are recorded beside its declaration, in `access.json`. `npm run record` adds new operations, and takes
 * out those that are gone; other access of a recorded one is written there by hand.
 */

import { describe, expect, it } from 'vitest'
import { isRecording, readRecord, RECORD, withNewEntries, writeRecord } from '../../shared/contracts/records.testing.ts'
import type { Operation } from '../../shared/service/operation.ts'
import { servedBy } from '../../shared/service/versions.ts'
import { services } from '../index.ts'
import { requiredRoles } from '../shop/roles.ts'
import { app } from './app.ts'

const { operations } = app.publicApi!
const remedy = `to change the roles of an operation, edit access.json by hand, so that a reviewer sees the new roles; to record a new operation: ${RECORD}`
/** `customer, not importer` */
const accessOf = ({ access, notFor = {} }: Operation): string =>
  [access, ...Object.keys(notFor).map((role) => `not ${role}`)].join(', ')
const accessesOf = (ids: readonly string[]): Record<string, string> =>
  Object.fromEntries(ids.map((id) => [id, accessOf(operations[id]!)]))
const fileOf = (name: string): URL => new URL(`../${name}/access.json`, import.meta.url)

const declaring = services
  .filter(({ api }) => api)
  .map(({ name, api }) => ({ name, ids: servedBy(api!).map(({ id }) => id) }))

describe('the access of each operation is as it was reviewed', () => {
  it.each(declaring)('of $name', ({ name, ids }) => {
    const now = accessesOf(ids)
    const recorded = withNewEntries(fileOf(name), now)
    // Recording takes out operations that are gone, and never another access than was reviewed.
    const kept = Object.fromEntries(Object.entries(recorded).filter(([id]) => id in now))
    if (isRecording) writeRecord(fileOf(name), recorded, kept)
    expect(now, remedy).toEqual(isRecording ? kept : recorded)
  })

  it('of the platform, and the roles of each access', () => {
    const ofServices = declaring.flatMap(({ ids }) => ids)
    const own = Object.keys(operations).filter((id) => !ofServices.includes(id))
    expect({ roles: requiredRoles, operations: accessesOf(own) }, remedy).toEqual(readRecord(fileOf('gateway')))
  })
})
