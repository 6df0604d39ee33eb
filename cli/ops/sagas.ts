/** Sagas that were reported stuck and have not continued since: the reason comes from the report, the state from the order. */

import { stuckSubscription } from '../../shared/base/names.ts'
import { type Api, Refusal } from '../api.ts'
import type { PullSubscriptions, Waiting } from './pull-subscriptions.ts'

/** Concurrent queries of orders. */
const MAX_CONCURRENT_QUERIES = 8

export interface Saga {
  readonly orderId: string
  readonly status: string
  readonly stuck: boolean
  readonly waitsFor: readonly { readonly step: string; readonly attempt: number; readonly until: string | null }[]
}

export interface StuckSaga extends Saga {
  /** The service that runs the saga. */
  readonly service: string
  readonly reason: string
  /** The time of the first report. */
  readonly sinceMs: number
}

/** The service whose sagas can be read: their reports are acknowledged once the saga has continued. */
const READABLE = 'orders'

export const readSaga = async (api: Api, orderId: string): Promise<Saga> =>
  (await api.send<Saga>('GET', `/v1/orders/${encodeURIComponent(orderId)}/saga`)).body

/** Acknowledges reports of orders that have continued since. Sagas of other services are listed as they were reported. */
export async function stuckSagas(subscriptions: PullSubscriptions, api: Api): Promise<StuckSaga[]> {
  const reports = Map.groupBy(await subscriptions.pull(stuckSubscription), (report) => {
    const { service, sagaId } = reportOf(report)
    return JSON.stringify([service, sagaId])
  })
  const left = [...reports.values()]
  const found: StuckSaga[] = []
  const queryEach = async (): Promise<void> => {
    for (let waiting = left.pop(); waiting; waiting = left.pop()) {
      const report = reportOf(waiting.at(-1)!)
      const saga = report.service === READABLE ? await readIfAny(api, report.sagaId) : asReported(report)
      const { service, reason } = report
      if (saga?.stuck) found.push({ service, ...saga, reason, sinceMs: waiting[0]!.sinceMs })
      else for (const one of waiting) await subscriptions.acknowledge(one)
    }
  }
  await Promise.all(Array.from({ length: MAX_CONCURRENT_QUERIES }, queryEach))
  return found.toSorted((a, b) => a.sinceMs - b.sinceMs)
}

const asReported = ({ sagaId, step, attempt }: Report): Saga => ({
  orderId: sagaId,
  status: 'unknown',
  stuck: true,
  waitsFor: [{ step, attempt, until: null }],
})

async function readIfAny(api: Api, orderId: string): Promise<Saga | undefined> {
  try {
    return await readSaga(api, orderId)
  } catch (error) {
    if (error instanceof Refusal && error.problem.status === 404) return undefined
    throw error
  }
}

interface Report {
  readonly service: string
  readonly sagaId: string
  readonly step: string
  readonly attempt: number
  readonly reason: string
}

/** A message that can not be parsed names no order, and is acknowledged like an outdated report. */
function reportOf({ data }: Waiting): Report {
  try {
    const { source = READABLE, data: report } = JSON.parse(data.toString('utf8')) as {
      readonly source?: string
      readonly data: Omit<Report, 'service'>
    }
    const { sagaId, step, attempt, reason } = report
    return {
      service: String(source),
      sagaId: String(sagaId),
      step: String(step),
      attempt: Number(attempt),
      reason: String(reason),
    }
  } catch {
    return { service: READABLE, sagaId: 'unreadable', step: '', attempt: 0, reason: '' }
  }
}
