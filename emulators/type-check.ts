/** Checks the types after a start and after each change, in a process beside the services: Node strips types and does not check them. */

import { type ChildProcess, spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const TSC = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))
/** The services restart first. */
const LOW_PRIORITY = 10

export interface TypeCheck {
  /** Checks the files as they are now. A check that still runs is about older files, so it ends. */
  check(): void
  stop(): void
}

/**
 * @param root The folder with the `tsconfig.json`.
 * @param cache Where the compiler keeps what it knows, so that the next check reads changed files alone.
 * @param say Takes the first error with the number of the others, and a line when the last one is mended.
 */
export function makeTypeCheck(root: string, cache: string, say: (line: string) => void): TypeCheck {
  let running: ChildProcess | undefined
  let hadErrors = false
  const stop = (): void => {
    // tsc 7 takes SIGTERM and then neither checks nor ends.
    running?.kill('SIGKILL')
    running = undefined
  }
  const report = (output: string): void => {
    const errors = output.split('\n').filter((line) => /^\S.*: error TS\d+: /.test(line))
    const [first, ...others] = errors
    if (first !== undefined)
      say(`${first.replace(': error', ':')}${others.length > 0 ? ` (and ${others.length} more: npm run check)` : ''}`)
    else if (hadErrors) say('the types are right again')
    hadErrors = errors.length > 0
  }
  return {
    check() {
      stop()
      const options = ['--noEmit', '--pretty', 'false', '--incremental', '--tsBuildInfoFile', join(root, cache)]
      // More checkers would take twice the processor time, from the services that run beside.
      const child = spawn(process.execPath, [TSC, '-p', '.', '--checkers', '1', ...options], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      running = child
      if (child.pid !== undefined) setPriority(child.pid, LOW_PRIORITY)
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
      child.on('error', (error) => say(`the types are not checked: ${error.message}`))
      child.on('close', () => {
        if (running !== child) return
        running = undefined
        report(output)
      })
    },
    stop,
  }
}
