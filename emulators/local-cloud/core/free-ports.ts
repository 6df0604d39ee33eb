/** Free ports, for servers whose port must be known before they listen. */

import { mkdirSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

/**
 * Below the range from which systems choose ports of outgoing connections (from 32,768 on Linux, 49,152 elsewhere): such a
 * connection would take the port between here and the server's listening, or while a server is started again.
 */
const FIRST_OF_BLOCKS = 20_000
const FIRST = 23_000
const LAST = 32_699
const BLOCK = 100

/** On loopback, free a moment ago, each another, and given to no other program of this user for some minutes. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = randomFrom(FIRST, LAST + 1)
    if ((await areFree([port])) && reserve(port)) ports.push(port)
  }
  return ports
}

export const freePort = async (): Promise<number> => (await freePorts(1))[0]!

/** The first of a hundred such ports in a row. */
export async function freeBlock(): Promise<number> {
  for (;;) {
    const first = BLOCK * randomFrom(FIRST_OF_BLOCKS / BLOCK, FIRST / BLOCK)
    if ((await areFree(Array.from({ length: BLOCK }, (_, index) => first + index))) && reserve(first)) return first
  }
}

const randomFrom = (first: number, end: number): number => first + Math.floor(Math.random() * (end - first))

async function areFree(ports: readonly number[]): Promise<boolean> {
  const servers = (await Promise.all(ports.map(listening))).filter((server) => server !== undefined)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return servers.length === ports.length
}

/** Whether no program listens there, on loopback. */
export const isFree = (port: number): Promise<boolean> => areFree([port])

function listening(port: number): Promise<Server | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

/** Longer than any program takes from choosing a port to listening there. */
const PERIOD_MS = 120_000
const reservations = join(tmpdir(), `local-google-cloud-ports-${userInfo().username}`)

/**
 * A port looks free to others until its server listens: two test runs side by side would choose the same now and then. So
 * each program that is given one leaves a file with its number, in the folder of this period; that of the one before counts too.
 */
function reserve(port: number): boolean {
  const period = Math.floor(Date.now() / PERIOD_MS)
  const folder = join(reservations, String(period))
  if (!existsSync(folder)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const old of readdirSync(reservations))
      if (Number(old) < period - 1) rmSync(join(reservations, old), { recursive: true, force: true })
  }
  try {
    writeFileSync(join(folder, String(port)), '', { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  return !existsSync(join(reservations, String(period - 1), String(port)))
}
