/** A page in a real browser, if one is installed: Debian's Chromium, driven by its own protocol. */

import { spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const chromium = '/usr/bin/chromium'
export const hasBrowser = existsSync(chromium)

/** The value of an expression in the page at this address after it is loaded. */
export async function inPage(url: string, expression: string): Promise<unknown> {
  const profile = mkdtempSync(join(tmpdir(), 'millrace-browser-'))
  const browser = spawn(
    chromium,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  try {
    const debuggerPort = await portOf(browser.stderr)
    const pages = (await (await fetch(`http://127.0.0.1:${debuggerPort}/json/list`)).json()) as Page[]
    const socket = new WebSocket(pages.find(({ type }) => type === 'page')!.webSocketDebuggerUrl)
    await once(socket, 'open')
    const answers = on(socket, 'message')
    socket.send(JSON.stringify({ id: 1, method: 'Page.enable' }))
    socket.send(JSON.stringify({ id: 2, method: 'Page.navigate', params: { url } }))
    for await (const [event] of answers) {
      const { id, method, result } = JSON.parse((event as MessageEvent).data as string) as Answer
      if (method === 'Page.loadEventFired') {
        const params = { expression, awaitPromise: true, returnByValue: true }
        socket.send(JSON.stringify({ id: 3, method: 'Runtime.evaluate', params }))
      }
      if (id === 3) return (result as { result: { value: unknown } }).result.value
    }
    throw new Error('The browser closed the connection.')
  } finally {
    browser.kill()
    if (browser.exitCode === null) await once(browser, 'exit')
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

interface Page {
  readonly type: string
  readonly webSocketDebuggerUrl: string
}
interface Answer {
  readonly id?: number
  readonly method?: string
  readonly result?: unknown
}

async function portOf(errors: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: errors })) {
    const port = /^DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(line)?.[1]
    if (port !== undefined) return port
  }
  throw new Error(`${chromium} ended before it listened.`)
}
