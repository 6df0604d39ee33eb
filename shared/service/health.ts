/**
 * Whether this instance can do its work, and if not, why. Liveness is another question: an instance whose database is
 * away is alive, and starting it anew would not bring the database back.
 */

import { connect } from 'node:net'
import type { Log } from '../signals/log.ts'

/** A probe that has no answer by then has failed. */
const PROBE_TIMEOUT_MS = 1_000
/** More frequent calls get the last answer. */
const CACHE_MS = 2_000

export interface Reason {
  readonly dependency: string
  readonly detail: string
}

export interface Readiness {
  /** `degraded`: the circuit of a callee is open; requests that do not need it are answered. */
  readonly status: 'ready' | 'degraded' | 'not-ready'
  readonly reasons: readonly Reason[]
}

export interface Health {
  readiness(): Promise<Readiness>
  /** Not ready from now on: the process received SIGTERM. */
  stop(): void
  /** The process got SIGTERM. */
  readonly isStopping: boolean
}

export interface HealthParts {
  /** Name → `host:port` of each dependency. */
  readonly dependencies: Readonly<Record<string, string>>
  /** Callees whose circuit is open. */
  openCircuits(): readonly string[]
  now(): number
  /** Reasons are for operators: they are logged when they change, and never part of an answer. */
  readonly log: Log
  /** Throws if no server accepts connections there. */
  readonly probe?: (address: string) => Promise<void>
}

export function createHealth({ dependencies, openCircuits, now, log, probe = canConnect }: HealthParts): Health {
  let stopping = false
  let cached: { readonly atMs: number; readonly found: Promise<readonly Reason[]> } | undefined

  const unreachable = async (): Promise<readonly Reason[]> => {
    const found = await Promise.all(
      Object.entries(dependencies).map(async ([dependency, address]) => {
        try {
          await probe(address)
          return []
        } catch (error) {
          return [
            { dependency, detail: `can not be reached (${(error as NodeJS.ErrnoException).code ?? 'no answer'})` },
          ]
        }
      }),
    )
    return found.flat()
  }

  const readiness = async (): Promise<Readiness> => {
    if (stopping) return { status: 'not-ready', reasons: [{ dependency: 'process', detail: 'received SIGTERM' }] }
    if (!cached || now() - cached.atMs >= CACHE_MS) cached = { atMs: now(), found: unreachable() }
    const missing = await cached.found
    const circuits = openCircuits().map((dependency) => ({ dependency, detail: 'is not called: its circuit is open' }))
    const status = missing.length > 0 ? 'not-ready' : circuits.length > 0 ? 'degraded' : 'ready'
    return { status, reasons: [...missing, ...circuits] }
  }
  let logged = JSON.stringify({ status: 'ready', reasons: [] } satisfies Readiness)

  return {
    stop: () => void (stopping = true),
    get isStopping() {
      return stopping
    },
    async readiness() {
      const found = await readiness()
      const text = JSON.stringify(found)
      if (text !== logged) log(found.status === 'ready' ? 'INFO' : 'WARNING', 'readiness.changed', { ...found })
      logged = text
      return found
    },
  }
}

/** The part of the readiness that every caller may read. */
export const publicPart = ({ status }: Readiness): Pick<Readiness, 'status'> => ({ status })

/** 503 takes no requests away from an instance that can still answer some. */
export const statusOf = ({ status }: Readiness): 200 | 503 => (status === 'not-ready' ? 503 : 200)

/** A connection alone: it costs nothing that is billed, and needs no grant. */
export function canConnect(address: string): Promise<void> {
  const [host, port] = splitAddress(address)
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: PROBE_TIMEOUT_MS })
    const end = (error?: Error): void => {
      socket.destroy()
      if (error) reject(error)
      else resolve()
    }
    socket.once('connect', () => end())
    socket.once('timeout', () => end(new Error('timeout')))
    socket.once('error', end)
  })
}

function splitAddress(address: string): [string, number] {
  const at = address.lastIndexOf(':')
  return [address.slice(0, at), Number(address.slice(at + 1))]
}
