/**
 * Records of declarations: what clients, stored data and deployed resources rely on is written down beside the code, and a test
 * compares. `npm run record` runs these tests and has them add what is new; an entry that stands in a record stays as it is.
 */

import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'

/** `npm run record` gives it: the file that gets the paths of the records which were written. */
const listOfWritten = process.env['MILLRACE_RECORD']
export const isRecording = listOfWritten !== undefined

/** The remedy where a record lacks something. */
export const RECORD = 'npm run record adds it'

/** The entries of a record; empty without the file. */
export const readRecord = (file: URL): Record<string, unknown> =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : {}

/** Writes a text that is made from declarations, if it has changed. */
export function writeMade(file: URL, text: string): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  mkdirSync(dirname(fileURLToPath(file)), { recursive: true })
  writeFileSync(file, text)
  if (listOfWritten !== undefined) appendFileSync(listOfWritten, `${fileURLToPath(file)}\n`)
}

/** Writes the record if it has changed, formatted as the check demands. @throws Error when the file can not be formatted. */
export function writeRecord(file: URL, recorded: object, now: object): void {
  if (isDeepStrictEqual(recorded, now)) return
  writeFormatted(file, `${JSON.stringify(now, null, 2)}\n`)
}

/** Writes a text that is made from declarations, formatted as the check demands. @throws Error when the file can not be formatted. */
export function writeFormatted(file: URL, text: string): void {
  writeMade(file, text)
  const packageFile = createRequire(import.meta.url).resolve('oxfmt/package.json')
  const oxfmt = fileURLToPath(new URL('bin/oxfmt', `file://${packageFile}`))
  const { status, stderr } = spawnSync(process.execPath, [oxfmt, fileURLToPath(file)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`oxfmt could not format ${file.pathname}: ${stderr}`)
}

/** The entries of a record; while recording, those of `now` that it lacks are appended. */
export function withNewEntries(
  file: URL,
  now: Readonly<Record<string, unknown>>,
  adds: boolean = isRecording,
): Record<string, unknown> {
  const recorded = readRecord(file)
  if (!adds) return recorded
  const all = { ...now, ...recorded }
  // The recorded ones keep their places.
  const keys = [...Object.keys(recorded), ...Object.keys(now).filter((key) => !Object.hasOwn(recorded, key))]
  writeRecord(file, recorded, Object.fromEntries(keys.map((key) => [key, all[key]])))
  return all
}
