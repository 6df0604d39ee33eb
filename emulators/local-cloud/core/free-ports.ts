/** Ports for servers that have to be told theirs before they listen. */

import { createServer, type Server } from 'node:net'

/**
 * Below what any system gives to outgoing connections of its own accord (from 32,768 on Linux, 49,152 elsewhere): such a
 * connection would take the port between here and the server's listening, or while a server is started again.
 */
const FIRST = 20_000
const COUNT = 12_700

/** On loopback, free a moment ago, each another. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = new Map<number, Server>()
  while (servers.size < count) {
    const port = FIRST + Math.floor(Math.random() * COUNT)
    const server = servers.has(port) ? undefined : await listening(port)
    if (server) servers.set(port, server)
  }
  await Promise.all([...servers.values()].map((server) => new Promise((resolve) => server.close(resolve))))
  return [...servers.keys()]
}

export const freePort = async (): Promise<number> => (await freePorts(1))[0]!

function listening(port: number): Promise<Server | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
