/** `npm run verify`: every test with its whole lists, then the removal of every resource and the kills of every service. */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { main } from '../cli/command.ts'
import { say } from '../cli/terminal.ts'
import { root } from './support/root.ts'

const steps: readonly (readonly [name: string, file: string, ...args: string[]])[] = [
  ['tests', 'node_modules/vitest/vitest.mjs', 'run'],
  ['wiring', 'test/platform/wiring/run.ts'],
  ['crash', 'test/platform/crash/run.ts'],
]

void main('verify', {
  brief: 'Runs every test, then npm run wiring and npm run crash, in an hour or two.',
  about: `
npm test runs the complete lists of which it otherwise runs samples: every grant, every service's own port, the whole sample of
orders, one resource of each type, ten thousand generated requests. Goes on after a failure; ends with 1 if there was one.`,
  options: {},
  async run() {
    const verdicts: string[] = []
    for (const [name, file, ...args] of steps) {
      const startedMs = performance.now()
      const code = await execute(join(root, file), args)
      const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1)
      verdicts.push(`${name.padEnd(8)} ${code === 0 ? 'ok    ' : 'FAILED'} ${minutes} min`)
      say(verdicts.at(-1)!)
    }
    say(`\n${verdicts.join('\n')}`)
    return verdicts.some((verdict) => verdict.includes('FAILED')) ? 1 : 0
  },
})

function execute(file: string, args: readonly string[]): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const env = { MILLRACE_REQUESTS: '10000', ...process.env, MILLRACE_VERIFY: '1' }
    const step = spawn(process.execPath, [file, ...args], { cwd: root, stdio: 'inherit', env })
    step.on('error', reject)
    step.on('close', resolve)
  })
}
