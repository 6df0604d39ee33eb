/** Starts one platform for all suites of the project `shared-platform`, and ends it after them. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import type { RunningShop } from './client.ts'

/** The addresses of the platform, as passed between processes. */
export interface SharedPlatform {
  readonly running: RunningShop
  readonly ports: {
    readonly api: number
    readonly identity: number
    readonly partners: Readonly<Record<string, number>>
    readonly services: Readonly<Record<string, number>>
    readonly accounts: Readonly<Record<string, number>>
  }
}

declare module 'vitest' {
  interface ProvidedContext {
    readonly sharedPlatform: SharedPlatform
  }
}

/** @throws Error if the platform did not start; it has written the reason to stderr. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const child = fork(join(import.meta.dirname, 'shared-platform.child.ts'), { execArgv: [] })
  const ended = once(child, 'exit')
  const [started] = (await Promise.race([once(child, 'message'), ended.then(() => [])])) as [SharedPlatform?]
  if (!started) throw new Error('The platform that suites share did not start.')
  project.provide('sharedPlatform', started)
  return async () => {
    child.disconnect()
    await ended
  }
}
