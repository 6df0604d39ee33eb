/** State holds signing keys, tokens' ledgers and documents: only the user who runs the local cloud may read it. */

import {
  chmodSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** Read and written by their owner alone. */
export const STATE_FILE_MODE = 0o600
const STATE_DIRECTORY_MODE = 0o700
/** For the process that keeps state: files that its libraries write, such as those of DuckDB, are private from their first byte, too. */
export const STATE_UMASK = 0o077

/** Makes the directory; an existing directory, and all that is in it, is closed to other users. Links in it are not followed. */
export function closeState(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: STATE_DIRECTORY_MODE })
  close(realpathSync(directory))
}

/** Readers, and a start after a kill or a power cut, find the new content or the old one, never a part. One process writes a file. */
export function writeState(file: string, text: string): void {
  const { descriptor } = replaceFile(file, (opened) => writeFileSync(opened, text))
  closeSync(descriptor)
}

/** The same, by a function that writes into the open file. Returns it still open for appending, with the function's result. */
export function replaceFile<T>(
  file: string,
  write: (descriptor: number) => T,
): { readonly descriptor: number; readonly result: T } {
  rmSync(`${file}.new`, { force: true })
  const descriptor = openSync(`${file}.new`, 'a', STATE_FILE_MODE)
  try {
    const result = write(descriptor)
    fsyncSync(descriptor)
    renameSync(`${file}.new`, file)
    return { descriptor, result }
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** Fails a start: without the file nothing tells what is stored. */
export const damaged = (file: string, where = ''): Error =>
  new Error(`${file} is damaged${where}: start with an empty state folder.`)

function close(path: string): void {
  const status = lstatSync(path)
  if (status.isSymbolicLink()) return
  const isDirectory = status.isDirectory()
  chmodSync(path, isDirectory ? STATE_DIRECTORY_MODE : STATE_FILE_MODE)
  if (isDirectory) for (const name of readdirSync(path)) close(join(path, name))
}
