/** Ports for servers that have to be told theirs before they listen. */

import { createServer, type Server } from 'node:net'

/**
 * Below what any system gives to outgoing connections of its own accord (from 32,768 on Linux, 49,152 elsewhere): such a
 * connection would take the port between here and the server's listening, or while a server is started again.
 */
const FIRST = 20_000
const LAST = 32_699

/**
 * Where free ports are looked for: all of them, or what LOCAL_CLOUD_PORTS says (`20000-20999`). A port is free until another
 * process takes it: programs that start local clouds side by side, as test runners do, look in ranges of their own.
 * @throws Error when the variable holds no such range
 */
export function portRange(given = process.env['LOCAL_CLOUD_PORTS']): { readonly first: number; readonly last: number } {
  if (given === undefined) return { first: FIRST, last: LAST }
  const [, first, last] = (/^(\d{4,5})-(\d{4,5})$/.exec(given) ?? []).map(Number)
  if (first === undefined || last === undefined || first < 1024 || last > 65_535 || first > last)
    throw new Error(`LOCAL_CLOUD_PORTS takes two ports, as in 20000-20999, not "${given}".`)
  return { first, last }
}

/** On loopback, free a moment ago, each another. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = new Map<number, Server>()
  const { first, last } = portRange()
  while (servers.size < count) {
    const port = first + Math.floor(Math.random() * (last - first + 1))
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
