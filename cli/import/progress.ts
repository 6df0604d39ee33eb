/** A progress bar on a terminal; a line every few seconds where there is none. */

const WIDTH = 30
const LINE_EVERY_MS = 5_000

export interface Progress {
  begin(what: string, total: number): void
  step(): void
  set(done: number): void
  end(): void
}

export function progressBar(stream: NodeJS.WriteStream = process.stderr): Progress {
  let what = ''
  let total = 0
  let done = 0
  let lastMs = 0
  let open = false

  const draw = (force = false): void => {
    const nowMs = Date.now()
    if (!force && nowMs - lastMs < (stream.isTTY ? 50 : LINE_EVERY_MS)) return
    lastMs = nowMs
    const filled = total === 0 ? WIDTH : Math.round((done / total) * WIDTH)
    const line = `${what.padEnd(20)} ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${done}/${total}`
    stream.write(stream.isTTY ? `\r${line}` : `${line}\n`)
    open = true
  }
  const end = (): void => {
    if (!open) return
    draw(true)
    if (stream.isTTY) stream.write('\n')
    open = false
  }

  return {
    begin(name, count) {
      end()
      what = name
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
