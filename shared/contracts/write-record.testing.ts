/** Writes what a test records of the public API: only what changed, formatted as the check demands. */

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'

/** @throws Error when the file can not be formatted. */
export function writeRecord(file: URL, recorded: object, now: object): void {
  if (!isDeepStrictEqual(recorded, now)) writeText(file, undefined, `${JSON.stringify(now, null, 2)}\n`)
}

/** @throws Error when the file can not be formatted. */
export function writeText(file: URL, recorded: string | undefined, now: string): void {
  if (recorded === now) return
  writeFileSync(file, now)
  const packageFile = createRequire(import.meta.url).resolve('oxfmt/package.json')
  const oxfmt = fileURLToPath(new URL('bin/oxfmt', `file://${packageFile}`))
  const { status, stderr } = spawnSync(process.execPath, [oxfmt, fileURLToPath(file)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`oxfmt could not format ${file.pathname}: ${stderr}`)
}
