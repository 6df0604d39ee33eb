/**
 * The schema of GraphQL is recorded in `schema.graphql`, and the documents of clients (functions/shop/documents) in `documents.json`, by
 * the SHA-256 of their text. `npm run record` adds what was added; nothing takes away what a client may still ask for.
 */

import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { buildSchema, findBreakingChanges, parse, printSchema, validate, validateSchema } from 'graphql'
import { expect, it } from 'vitest'
import { isRecording, readRecord, RECORD, writeFormatted, writeRecord } from '../../shared/contracts/records.testing.ts'
import { sdlOf } from '../../shared/graphql/sdl.testing.ts'
import { servedBy } from '../../shared/service/versions.ts'
import { apisOf } from '../../shared/service/with-operations.ts'
import { services } from '../index.ts'
import { app } from './app.ts'

const { operations, edges = {} } = app.publicApi!
const earlier = apisOf(services).flatMap((api) => servedBy(api).flatMap(({ id, earlier: is }) => (is ? [id] : [])))
const newest = Object.fromEntries(Object.entries(operations).filter(([id]) => !earlier.includes(id)))

const schemaFile = new URL('schema.graphql', import.meta.url)
const sdl = sdlOf(newest, edges)
const schema = buildSchema(sdl)
const recordedSdl = existsSync(schemaFile) ? readFileSync(schemaFile, 'utf8') : undefined

const documentsFile = new URL('documents.json', import.meta.url)
const recorded = readRecord(documentsFile) as Record<string, string>
const texts = globSync(new URL('../shop/documents/*.graphql', import.meta.url).pathname)
  .toSorted()
  .map((file) => readFileSync(file, 'utf8'))
const documents = {
  ...recorded,
  ...Object.fromEntries(texts.map((text) => [createHash('sha256').update(text).digest('hex'), text])),
}

const breaks = recordedSdl === undefined ? [] : findBreakingChanges(buildSchema(recordedSdl), schema)

it('the schema is valid, and still answers what a client asks by the recorded one', () => {
  expect(validateSchema(schema)).toEqual([])
  expect(breaks, 'leave the field as it is, and add another beside it').toEqual([])
})

it('the schema is recorded as it is', () => {
  const isRecorded = recordedSdl !== undefined && printSchema(buildSchema(recordedSdl)) === printSchema(schema)
  if (isRecorded) return
  if (isRecording && breaks.length === 0) writeFormatted(schemaFile, sdl)
  else expect(recordedSdl, RECORD).toBe(sdl)
})

it('every document of a client is recorded, by the digest of its text', () => {
  if (isRecording) writeRecord(documentsFile, recorded, documents)
  else expect(recorded, RECORD).toEqual(documents)
  for (const [digest, text] of Object.entries(documents))
    expect(createHash('sha256').update(text).digest('hex')).toBe(digest)
})

it.each(Object.values(documents))('the schema answers a recorded document', (text) => {
  expect(validate(schema, parse(text)).map(({ message }) => message)).toEqual([])
})
