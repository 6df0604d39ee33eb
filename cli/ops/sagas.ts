/** Sagas that were reported stuck and have not ended since: the report says why, the order says how it stands now. */

import { stuckSubscription } from '../../shared/names.ts'
import { type Api, Refusal } from '../api.ts'
import type { Shelf, Waiting } from './shelf.ts'

/** Orders asked for at once. */
const AT_ONCE = 8

export interface Saga {
  readonly orderId: string
  readonly status: string
  readonly stuck: boolean
  readonly waitsFor: readonly { readonly step: string; readonly attempt: number; readonly until: string | null }[]
}

export interface StuckSaga extends Saga {
  readonly reason: string
  /** Of the first report. */
  readonly sinceMs: number
}

export const readSaga = async (api: Api, orderId: string): Promise<Saga> =>
  (await api.send<Saga>('GET', `/v1/orders/${encodeURIComponent(orderId)}/saga`)).body

/** Reports of sagas that have gone on since are taken off the shelf. */
export async function stuckSagas(shelf: Shelf, api: Api): Promise<StuckSaga[]> {
  const reports = Map.groupBy(await shelf.look(stuckSubscription), (report) => reportOf(report).sagaId)
  const left = [...reports]
  const found: StuckSaga[] = []
  const ask = async (): Promise<void> => {
    for (let next = left.pop(); next; next = left.pop()) {
      const [sagaId, waiting] = next
      const saga = await readIfAny(api, sagaId)
      if (saga?.stuck) found.push({ ...saga, reason: reportOf(waiting.at(-1)!).reason, sinceMs: waiting[0]!.sinceMs })
      else for (const report of waiting) await shelf.take(report)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, ask))
  return found.toSorted((a, b) => a.sinceMs - b.sinceMs)
}

async function readIfAny(api: Api, orderId: string): Promise<Saga | undefined> {
  try {
    return await readSaga(api, orderId)
  } catch (error) {
    if (error instanceof Refusal && error.problem.status === 404) return undefined
    throw error
  }
}

/** What is no report at all names no order, and is taken off like one that is no longer true. */
function reportOf({ data }: Waiting): { sagaId: string; reason: string } {
  try {
    const envelope = JSON.parse(data.toString('utf8')) as { data: { sagaId: string; reason: string } }
    return { sagaId: String(envelope.data.sagaId), reason: String(envelope.data.reason) }
  } catch {
    return { sagaId: 'unreadable', reason: '' }
  }
}
