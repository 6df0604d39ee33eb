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
    ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', `--user-data-dir=${profile}`, url],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  try {
    const debuggerPort = await portOf(browser.stderr)
    const pages = (await (await fetch(`http://127.0.0.1:${debuggerPort}/json/list`)).json()) as Page[]
    const socket = new WebSocket(pages.find(({ type }) => type === 'page')!.webSocketDebuggerUrl)
    await once(socket, 'open')
    const answers = on(socket, 'message')
    // The browser loads the page by itself: a navigation of ours would race with that of its first, empty page.
    socket.send(JSON.stringify({ id: ENABLED, method: 'Page.enable' }))
    const params = { expression: onceLoaded(url, expression), awaitPromise: true, returnByValue: true }
    for await (const [event] of answers) {
      const { id, method, result } = JSON.parse((event as MessageEvent).data as string) as Answer
      if (id === ENABLED || method === 'Page.loadEventFired')
        socket.send(JSON.stringify({ id: EVALUATED, method: 'Runtime.evaluate', params }))
      if (result?.exceptionDetails) throw new Error(`The page threw: ${JSON.stringify(result.exceptionDetails)}`)
      const found = id === EVALUATED ? result?.result?.value : undefined
      if (found) return found.value
    }
    throw new Error('The browser closed the connection.')
  } finally {
    browser.kill()
    if (browser.exitCode === null) await once(browser, 'exit')
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Nothing while the page is not loaded: the load event, which is still to come, has it evaluated again. */
const onceLoaded = (url: string, expression: string): string =>
  `(async () => document.readyState === 'complete' && location.href === ${JSON.stringify(new URL(url).href)}
    ? { value: await (${expression}) }
    : undefined)()`

const ENABLED = 1
const EVALUATED = 2

interface Page {
  readonly type: string
  readonly webSocketDebuggerUrl: string
}
interface Answer {
  readonly id?: number
  readonly method?: string
  /** Without `result` for a page that went away meanwhile. */
  readonly result?: {
    readonly result?: { readonly value?: { readonly value: unknown } }
    readonly exceptionDetails?: unknown
  }
}

async function portOf(errors: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: errors })) {
    const port = /^DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(line)?.[1]
    if (port !== undefined) return port
  }
  throw new Error(`${chromium} ended before it listened.`)
}
