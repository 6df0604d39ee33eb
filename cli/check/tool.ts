/** Runs a tool of the check, and ends it with the command that runs it. */

import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')
const modules = join(root, 'node_modules')

/** Of the tool that runs: tsc 7 does not end at SIGINT or SIGTERM. */
const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    stopped.abort()
    process.exit(128 + constants.signals[signal])
  })

export interface Outcome {
  readonly code: number | null
  readonly output: string
}

/** @param bin in node_modules */
export function execute(
  bin: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // Escape sequences of colours would be printed as text; some tools treat CI as a terminal.
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ...environment }
    const tool = spawn(process.execPath, [join(modules, bin), ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
      signal: stopped.signal,
      killSignal: 'SIGKILL',
    })
    let output = ''
    const collect = (chunk: Buffer): void => void (output += chunk.toString())
    tool.stdout.on('data', collect)
    tool.stderr.on('data', collect)
    tool.on('error', reject)
    tool.on('close', (code) => resolve({ code, output }))
  })
}
