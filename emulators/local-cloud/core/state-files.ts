/** State holds signing keys, tokens' ledgers and documents: only the user who runs the local cloud may read it. */

import { chmodSync, lstatSync, mkdirSync, readdirSync, realpathSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Read and written by their owner alone. */
export const STATE_FILE_MODE = 0o600
const STATE_DIRECTORY_MODE = 0o700
/** For the process that keeps state: files that its libraries write, such as those of DuckDB, are private from their first byte, too. */
export const STATE_UMASK = 0o077

/** Makes the directory; one that is there, and all that is in it, is closed to other users. Links in it are not followed. */
export function closeState(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: STATE_DIRECTORY_MODE })
  close(realpathSync(directory))
}

/** Readers, and a start after a kill, find the new content or the old one, never a part. One process writes a file. */
export function writeState(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: STATE_FILE_MODE })
  renameSync(`${file}.new`, file)
}

function close(path: string): void {
  const status = lstatSync(path)
  if (status.isSymbolicLink()) return
  const isDirectory = status.isDirectory()
  chmodSync(path, isDirectory ? STATE_DIRECTORY_MODE : STATE_FILE_MODE)
  if (isDirectory) for (const name of readdirSync(path)) close(join(path, name))
}
