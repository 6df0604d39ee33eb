/** Reads a file of JSON beside the stacks. People edit these files. */

import { readFileSync } from 'node:fs'

/** @param text its content (default: of the file). @throws Error that names the file; its stack is the message, which names the place to correct */
export function readJson<T>(name: string, text = readFileSync(new URL(name, import.meta.url), 'utf8')): T {
  try {
    return JSON.parse(text) as T
  } catch (cause) {
    const error = new Error(
      `stacks/${name} is not JSON: ${(cause as Error).message}. Correct it, or restore it from git.`,
    )
    error.stack = error.message
    throw error
  }
}
