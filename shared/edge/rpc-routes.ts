/**
 * The operations of a public API as remote procedures: Connect, gRPC and gRPC-Web, beside REST. A call passes the same edge, the same
 * checks and the same handler; only its message and its answer have another encoding. The code for that is loaded at the first call.
 */

import type { Context, Hono, MiddlewareHandler } from 'hono'
import { FORMER_REFLECTION_RPC, HEALTH_RPC, isRpc, REFLECTION_RPC, rpcNameOf } from '../rpc/names.ts'
import type { Operation } from '../service/operation.ts'
import type { RpcSource } from '../service/public-api.ts'
import type { RunningService } from './rpc-calls.ts'
import type { Bound } from './handle.ts'
import type { RpcCalls } from './rpc-calls.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** The status of a problem that a remote procedure encodes in an answer with the status 200. */
    problemStatus?: number
  }
}

/** The procedures of the platform itself, with which clients ask for health and for the descriptors. */
export const platformRpcs = [HEALTH_RPC, REFLECTION_RPC, FORMER_REFLECTION_RPC]

interface Rpcs {
  /** Runs around the whole edge: encodes each problem in the protocol of its call. */
  readonly spelling: MiddlewareHandler
  route(http: Hono, id: string, operation: Operation, bound: Bound): void
  routePlatform(http: Hono): void
}

export function createRpcs(
  platform: RunningService,
  { owners, load }: RpcSource,
  operations: readonly [string, Operation][],
): Rpcs {
  const ownerOf = (id: string): string => (Object.hasOwn(owners, id) ? owners[id]! : platform.service.name)
  const served = operations.filter(([, operation]) => isRpc(operation))
  const names = new Map(served.map(([id, operation]) => [id, rpcNameOf(ownerOf(id), id, operation)]))
  const paths = new Set([...[...names.values()].map(({ path }) => path), ...platformRpcs])
  let loaded: Promise<RpcCalls> | undefined
  const loading = async (): Promise<RpcCalls> => {
    const services = [...new Set(served.map(([id]) => ownerOf(id)))]
    const [{ createRpcCalls }, ...records] = await Promise.all([import('./rpc-calls.ts'), ...services.map(load)])
    return createRpcCalls(records, platform)
  }
  // A failure to load is not kept: the next call tries again.
  const calls = (): Promise<RpcCalls> =>
    (loaded ??= loading().catch((error: unknown) => {
      loaded = undefined
      throw error
    }))
  return {
    async spelling(c, next) {
      if (!paths.has(c.req.path)) return next()
      await next()
      if (!c.res.headers.get('content-type')?.startsWith('application/problem+json')) return undefined
      c.set('problemStatus', c.res.status)
      const spelled = await (await calls()).spellProblem(c, c.res)
      if (spelled) c.res = spelled
      return undefined
    },
    route(http, id, operation, bound) {
      const name = names.get(id)
      if (!name) return
      const answer = async (c: Context): Promise<Response> => {
        const admitted = await bound.admit(c)
        return (await calls()).answer(c, { name, operation, answer: (parts) => bound.answer(c, admitted, parts) })
      }
      http.post(name.path, answer)
      if (isReading(operation)) http.get(name.path, answer)
    },
    routePlatform(http) {
      for (const path of platformRpcs) http.post(path, async (c) => (await calls()).answerPlatform(c))
    },
  }
}

/** Whether an operation changes nothing, so that Connect may call it by GET. */
export const isReading = ({ method }: Pick<Operation, 'method'>): boolean => method === 'get'
