/** Keeps what the services write, a file each, and starts a new file when one has grown large. */

import { appendFileSync, existsSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { closeState, STATE_FILE_MODE } from '../core/state-files.ts'

/** Then `orders.log` becomes `orders.log.1`. */
const ROTATE_ABOVE_BYTES = 32 * 1024 * 1024

export interface LogKeeper {
  write(service: string, line: string): void
}

export function logKeeper(directory: string | undefined): LogKeeper {
  if (directory === undefined) return { write: () => {} }
  closeState(directory)
  const sizes = new Map<string, number>()
  return {
    write(service, line) {
      const file = join(directory, `${service}.log`)
      const text = `${line}\n`
      const size = (sizes.get(file) ?? (existsSync(file) ? statSync(file).size : 0)) + text.length
      if (size > ROTATE_ABOVE_BYTES) {
        renameSync(file, `${file}.1`)
        sizes.set(file, text.length)
      } else sizes.set(file, size)
      appendFileSync(file, text, { mode: STATE_FILE_MODE })
    },
  }
}
