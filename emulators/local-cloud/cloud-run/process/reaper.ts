/**
 * Ends the services' processes if the local cloud is killed. A small process reads their pids from a pipe; when the pipe closes
 * it kills each process that was not taken off the list.
 */

import { spawn } from 'node:child_process'

export interface Reaper {
  watch(pid: number): void
  forget(pid: number): void
  close(): Promise<void>
}

const program = `
const pids = new Set()
let rest = ''
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
process.stdin.on('data', (chunk) => {
  const lines = (rest + chunk).split('\\n')
  rest = lines.pop()
  for (const line of lines) line[0] === '+' ? pids.add(Number(line.slice(1))) : pids.delete(Number(line.slice(1)))
})
process.stdin.on('end', () => {
  for (const pid of pids) try { process.kill(-pid, 'SIGKILL') } catch {}
  process.exit(0)
})
`

export function reaper(nodePath: string): Reaper {
  const child = spawn(nodePath, ['-e', program], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, env: {} })
  child.unref()
  child.stdin.on('error', () => {})
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    watch: (pid) => void child.stdin.write(`+${pid}\n`),
    forget: (pid) => void child.stdin.write(`-${pid}\n`),
    async close() {
      // Nothing else may keep this process alive by now.
      child.ref()
      child.stdin.end()
      await exited
    },
  }
}
