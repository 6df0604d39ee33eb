/** A progress bar on a terminal; a line every few seconds without a terminal. */

import { printError, isTerminal, sayProgress } from '../../../../cli/terminal.ts'

const WIDTH = 30
const LINE_INTERVAL_MS = 5_000

export interface Progress {
  begin(name: string, total: number): void
  step(): void
  set(done: number): void
  end(): void
}

export function progressBar(): Progress {
  let label = ''
  let total = 0
  let done = 0
  let lastMs = 0
  let open = false

  const line = (): string => {
    const filled = total === 0 ? WIDTH : Math.round((done / total) * WIDTH)
    return `${label.padEnd(20)} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${done}/${total}`
  }
  const draw = (): void => {
    const nowMs = Date.now()
    const onTerminal = isTerminal('stderr')
    if (nowMs - lastMs < (onTerminal ? 50 : LINE_INTERVAL_MS)) return
    lastMs = nowMs
    if (onTerminal) sayProgress(line())
    else printError(line())
    open = true
  }
  const end = (): void => {
    if (!open) return
    printError(line())
    open = false
  }

  return {
    begin(name, count) {
      end()
      label = name
      total = count
      done = 0
      lastMs = Date.now()
      open = true
    },
    step() {
      done += 1
      draw()
    },
    set(count) {
      done = count
      draw()
    },
    end,
  }
}
