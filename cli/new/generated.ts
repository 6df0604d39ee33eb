/** The input and output of the generators of `npm run new`. A generator returns texts, so no file is written before all are complete. */

import type { Service } from '../../shared/service/service.ts'
import { UsageError } from '../command.ts'
import { EditError } from './edit.ts'

export interface Generated {
  /** Texts of new and of changed files, by their paths from the root of the project. */
  readonly files: Readonly<Record<string, string>>
  /** The user's next steps, one sentence each. */
  readonly nextSteps: readonly string[]
}

/** Reads a file of the project by its path from the root; undefined if the file does not exist. */
export type Read = (path: string) => string | undefined

/** The business to which something is added. */
export interface Existing {
  readonly services: readonly Service[]
  readonly read: Read
}

type Edit = (text: string) => string

/** Applies all edits to one file. @throws UsageError that names the file if an edit does not fit it. */
export function edited(read: Read, path: string, ...edits: readonly Edit[]): string {
  const text = read(path)
  if (text === undefined) throw new UsageError(`${path} does not exist, so nothing was changed: restore it from git.`)
  try {
    return edits.reduce((current, edit) => edit(current), text)
  } catch (error) {
    if (!(error instanceof EditError)) throw error
    throw new UsageError(`${path} can't be edited, so nothing was changed: ${error.message}.`)
  }
}

/** The edited contracts of a service in this folder, by their path. */
export function editedContracts(read: Read, folder: string, ...edits: readonly Edit[]): Generated['files'] {
  const path = `${folder}/contracts.ts`
  return { [path]: edited(read, path, ...edits) }
}

/** @throws UsageError when one of these files exists. */
export function refuseExisting(read: Read, paths: readonly string[]): void {
  const existing = paths.find((path) => read(path) !== undefined)
  if (existing)
    throw new UsageError(`${existing} exists already, so nothing was changed: take another name, or remove it.`)
}

/** After the fields are settled, since a recorded example stays as it is. */
export const RECORDS = 'Then run npm run record, which keeps the example in frozen-messages.json.'

/** The next step, after which a public service that serves the operations of all asks or submits it. */
export const declaring = (owner: string, operation: string): string =>
  `Declare a public operation in functions/${owner}/api.ts, ${operation}, and record it by npm run record: docs/add-a-service.md, A public operation. One that no operation names fails npm test.`
