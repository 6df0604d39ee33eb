/** The caller of a service as it runs, with its timeouts, retries and circuits, over a network in memory whose hosts have faults. */

import { vi } from 'vitest'
import type { Call } from '../messaging/query.ts'
import { createCaller } from './caller.ts'

export const faults = ['slow', 'dead', 'wrong', 'flapping'] as const
export type Fault = (typeof faults)[number]

export interface FaultyNetwork {
  readonly call: Call
  /** The service has this fault from now on; undefined: none. */
  set(service: string, fault: Fault | undefined): void
  /** How often a service was called, faults included. */
  count(service: string): number
  /**
   * The result of the work, and the milliseconds that it took. Time moves once the work has called a service: the check of a token
   * takes real time. Needs fake timers for `setTimeout`, `clearTimeout` and `performance`.
   */
  timed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly tookMs: number }>
}

/** @param answer Of a service without a fault. */
export function faultyNetwork(services: readonly string[], answer: Call): FaultyNetwork {
  const current = new Map<string, Fault>()
  const counts = new Map<string, number>()
  let calls = 0
  const send = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const { hostname, pathname, search } = new URL(input instanceof Request ? input.url : input)
    const fault = current.get(hostname)
    calls += 1
    const count = (counts.get(hostname) ?? 0) + 1
    counts.set(hostname, count)
    if (fault === 'dead' || (fault === 'flapping' && count % 2 === 1)) throw new TypeError('fetch failed')
    if (fault === 'wrong') return Response.json({ what: 'is this?' })
    if (fault === 'slow')
      return new Promise((_, reject) =>
        init.signal!.addEventListener('abort', () => reject(init.signal!.reason as Error)),
      )
    const body = init.body === undefined ? {} : { body: JSON.parse(init.body as string) as unknown }
    return answer(hostname, `${pathname}${search}`, { ...body, ...(init.method ? { method: init.method } : {}) })
  }
  const { call } = createCaller({
    peers: Object.fromEntries(services.map((name) => [name, `http://${name}`])),
    authorizationFor: async () => 'Bearer test',
    accessAuthorization: async () => 'Bearer test',
    telemetry: { query: (_, work) => work(), partner: (_, work) => work(), circuit: () => {}, hedged: () => {} },
    send,
  })
  return {
    call,
    set(service, fault) {
      counts.set(service, 0)
      if (fault) current.set(service, fault)
      else current.delete(service)
    },
    count: (service) => counts.get(service) ?? 0,
    async timed(work) {
      const before = calls
      const startedMs = performance.now()
      let tookMs: number | undefined
      const result = work().finally(() => (tookMs = performance.now() - startedMs))
      result.catch(() => undefined)
      while (tookMs === undefined) {
        for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => void setImmediate(resolve))
        if (calls > before) await vi.advanceTimersByTimeAsync(50)
      }
      return { result: await result, tookMs }
    },
  }
}
