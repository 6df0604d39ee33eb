/**
 * The promise of the public API to its clients is recorded in the folder of each service that answers, in `frozen-api.json`. No change
 * breaks it: one that would is served at `/v2/…`, beside the old one until its sunset. `npm run record` adds what was added.
 */

import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isRecording, readRecord, RECORD, writeRecord } from '../../shared/contracts/records.testing.ts'
import { breaksOf, type Document, type Snapshot, snapshotOf } from '../../shared/edge/api-snapshot.testing.ts'
import { openApiDocument } from '../../shared/edge/openapi.ts'
import { servedBy } from '../../shared/service/versions.ts'
import { services } from '../index.ts'
import { app } from './app.ts'

// As JSON has it: without what is undefined.
const all = JSON.parse(JSON.stringify(snapshotOf(openApiDocument(app.publicApi!) as unknown as Document))) as Snapshot
const promisesOf = (service: (typeof services)[number]): string[] =>
  (service.api ? servedBy(service.api) : []).map(({ method, path }) => `${method.toUpperCase()} ${path}`)
const ofServices = services.flatMap(promisesOf)
/** The document, the page and the status of commands are the platform's. */
const ofPlatform = Object.keys(all).filter((name) => !ofServices.includes(name))

const records = services
  .map((service) => ({
    name: service.name,
    promises: [...promisesOf(service), ...(service.ingress === 'public' ? ofPlatform : [])],
  }))
  .map(({ name, promises }) => ({ name, promises, file: new URL(`../${name}/frozen-api.json`, import.meta.url) }))
  .filter(({ promises, file }) => promises.length > 0 || existsSync(file))

describe.each(records)('the recorded operations of $name', ({ promises, file }) => {
  const frozen = readRecord(file) as Snapshot
  const now: Snapshot = Object.fromEntries(promises.map((name) => [name, all[name]!]))
  const breaks = breaksOf(frozen, now)

  it('are still what a client of them sends and reads', () => {
    expect(
      breaks,
      'leave the operation as it is, and declare the change at /v2/… with this version in its `earlier`',
    ).toEqual([])
  })

  it('are all that there are', () => {
    if (isRecording && breaks.length === 0) writeRecord(file, frozen, now)
    else expect(now, RECORD).toEqual(frozen)
  })
})
