/** Prints the progress of a test run every few seconds where there is no terminal, as in CI. */

import type { Reporter } from 'vitest/node'

const EVERY_MS = 5_000

interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** `52 of 119 files, 1 failed, 1 min 10 s; now test/platform/start.test.ts`. In a terminal, vitest's own summary shows the progress instead. */
export class ProgressReporter implements Reporter {
  readonly #output: Output
  readonly #running = new Set<string>()
  #files = 0
  #ended = 0
  #failed = 0
  #startedMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(output: Output = process.stdout) {
    this.#output = output
  }

  onTestRunStart(specifications: readonly unknown[]): void {
    if (this.#output.isTTY === true) return
    this.#files = specifications.length
    this.#startedMs = Date.now()
    this.#timer = setInterval(() => this.#say(), EVERY_MS)
    this.#timer.unref()
  }

  onTestModuleQueued({ relativeModuleId }: Module): void {
    this.#running.add(relativeModuleId)
  }

  onTestModuleEnd(module: Module & { state(): string }): void {
    this.#running.delete(module.relativeModuleId)
    this.#ended += 1
    if (module.state() === 'failed') this.#failed += 1
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer)
  }

  #say(): void {
    const seconds = Math.round((Date.now() - this.#startedMs) / 1000)
    const elapsed = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
    const now = this.#running.size === 0 ? '' : `; now ${[...this.#running].join(', ')}`
    this.#output.write(`${this.#ended} of ${this.#files} files, ${this.#failed} failed, ${elapsed}${now}\n`)
  }
}

interface Module {
  readonly relativeModuleId: string
}
