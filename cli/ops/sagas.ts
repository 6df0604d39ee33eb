/** Sagas that were reported stuck and have not ended since: the report says why, the order says how it stands now. */

import { stuckSubscription } from '../../shared/base/names.ts'
import { type Api, Refusal } from '../api.ts'
import type { PullSubscriptions, Waiting } from './pull-subscriptions.ts'

/** Orders asked for at once. */
const AT_ONCE = 8

export interface Saga {
  readonly orderId: string
  readonly status: string
  readonly stuck: boolean
  readonly waitsFor: readonly { readonly step: string; readonly attempt: number; readonly until: string | null }[]
}

export interface StuckSaga extends Saga {
  /** The service whose saga it is. */
  readonly service: string
  readonly reason: string
  /** Of the first report. */
  readonly sinceMs: number
}

/** The service whose sagas can be read: its reports are dropped when the saga has gone on. */
const READABLE = 'orders'

export const readSaga = async (api: Api, orderId: string): Promise<Saga> =>
  (await api.send<Saga>('GET', `/v1/orders/${encodeURIComponent(orderId)}/saga`)).body

/** Reports of orders that have gone on since are taken off the subscription. Those of other services' sagas are listed as they are. */
export async function stuckSagas(subscriptions: PullSubscriptions, api: Api): Promise<StuckSaga[]> {
  const reports = Map.groupBy(await subscriptions.pull(stuckSubscription), (report) => {
    const { service, sagaId } = reportOf(report)
    return JSON.stringify([service, sagaId])
  })
  const left = [...reports.values()]
  const found: StuckSaga[] = []
  const ask = async (): Promise<void> => {
    for (let waiting = left.pop(); waiting; waiting = left.pop()) {
      const report = reportOf(waiting.at(-1)!)
      const saga = report.service === READABLE ? await readIfAny(api, report.sagaId) : asReported(report)
      const { service, reason } = report
      if (saga?.stuck) found.push({ service, ...saga, reason, sinceMs: waiting[0]!.sinceMs })
      else for (const one of waiting) await subscriptions.acknowledge(one)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, ask))
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

/** A message that is not a report names no order, and is taken off like one that is no longer true. */
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
