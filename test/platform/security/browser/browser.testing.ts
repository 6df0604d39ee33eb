/** A real browser on an attacker's page, and the attacker's server. */

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { delimiter, join } from 'node:path'
import { json } from 'node:stream/consumers'
import { temporaryDirectory } from '../../../support/command.ts'

/** Debian's path of Chromium, otherwise the one on the PATH. */
export const chromium = [
  '/usr/bin/chromium',
  ...(process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name))),
].find((path) => existsSync(path))

export interface Write {
  /** Lower-case letters. */
  readonly name: string
  /** `MARK` in it and in the body is replaced by a unique name for each attempt. */
  readonly url: string
  readonly method: string
  readonly body: string
}

export interface Plan {
  readonly means: 'other-origin' | 'rebound'
  readonly writes: readonly Write[]
}

export interface Report {
  /** The mark of each attempt. */
  readonly attempts: readonly string[]
  /** The successful answers that the page could read. */
  readonly read: readonly string[]
}

export interface Attacker {
  readonly port: number
  /** Sets the plan of the page at `/attack?<name>`. */
  readonly plans: Map<string, Plan>
  /** Resolves with the report of the next page. */
  reported(): Promise<Report>
  /**
   * The address that a name of the attacker's resolves to: the attacker's server until a page has its plan, `port` from
   * then on. This simulates DNS rebinding.
   */
  rebinding(port: number): Promise<number>
  close(): Promise<void>
}

const page = readFileSync(join(import.meta.dirname, 'attack.html'))

export async function startAttacker(): Promise<Attacker> {
  const plans = new Map<string, Plan>()
  const waiting: ((report: Report) => void)[] = []
  const rebound = new Set<() => void>()
  const servers: Server[] = []
  const server = createServer((request, response) => {
    // Each request on its own connection, so that the next one resolves the address again.
    response.setHeader('connection', 'close')
    const [path, name = ''] = request.url!.split('?')
    if (path === '/attack') return response.writeHead(200, { 'content-type': 'text/html' }).end(page)
    if (path === '/done') {
      // Answer after the body is read, since the end of the answer closes the connection.
      void json(request).then((report) => {
        response.end()
        waiting.shift()?.(report as Report)
      })
      return undefined
    }
    if (path !== '/plan') return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ ...plans.get(name), attacker: `http://127.0.0.1:${port}` }))
    for (const rebind of rebound) rebind()
    return undefined
  })
  const port = await listening(server)
  servers.push(server)
  const sockets = new Set<Socket>()
  return {
    port,
    plans,
    reported: () => new Promise((resolve) => void waiting.push(resolve)),
    async rebinding(to) {
      let target = port
      rebound.add(() => (target = to))
      const proxy = createTcpServer((near) => {
        sockets.add(near)
        near.on('error', () => near.destroy())
        // Browsers open connections in advance, so the target is chosen at their first use.
        near.once('data', (first: Buffer) => {
          const far = connect(target, '127.0.0.1')
          far.on('error', () => near.destroy())
          far.write(first)
          near.pipe(far).pipe(near)
        })
      })
      servers.push(proxy)
      return listening(proxy)
    },
    async close() {
      server.closeAllConnections()
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map((one) => new Promise((resolve) => one.close(resolve))))
    },
  }
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))
}

export interface Browser {
  close(): Promise<void>
}

/** `hosts` in the form of `--host-resolver-rules`: `MAP evil.example 127.0.0.1`. */
export function browse(url: string, hosts: readonly string[]): Browser {
  const profile = temporaryDirectory()
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    `--user-data-dir=${profile.path}`,
    `--host-resolver-rules=${hosts.join(', ')}`,
    url,
  ]
  const child = spawn(chromium!, flags, { stdio: 'ignore', detached: true })
  const ended = new Promise((resolve) => child.once('close', resolve))
  return {
    async close() {
      // Including its renderers and helpers.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
      await ended
      profile.remove()
    },
  }
}
