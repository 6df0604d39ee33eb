/** Sagas that were reported stuck and have not continued since: the reason comes from the report, the state from the public API. */

import { forEachConcurrently } from '../../shared/base/concurrently.ts'
import { stuckSubscription } from '../../shared/base/names.ts'
import type { SagaState } from '../tools.ts'
import type { PullSubscriptions, Waiting } from './pull-subscriptions.ts'

/** Concurrent queries of the public API. */
const MAX_CONCURRENT_QUERIES = 8

export interface StuckSaga extends SagaState {
  /** The service that runs the saga. */
  readonly service: string
  readonly reason: string
  /** The time of the first report. */
  readonly sinceMs: number
}

/** Service → the present state of one of its sagas; undefined: there is no such saga. */
export type SagaReaders = Readonly<Record<string, (sagaId: string) => Promise<SagaState | undefined>>>

/**
 * Acknowledges reports of sagas that have continued since or do not exist, and messages that are no report. Sagas of
 * services without a reader are listed as they were reported.
 */
export async function stuckSagas(subscriptions: PullSubscriptions, readers: SagaReaders): Promise<StuckSaga[]> {
  const reports = Map.groupBy(await subscriptions.pull(stuckSubscription), (waiting) => {
    const report = reportOf(waiting)
    return report && JSON.stringify([report.service, report.sagaId])
  })
  const found: StuckSaga[] = []
  await forEachConcurrently([...reports.values()], MAX_CONCURRENT_QUERIES, async (waiting) => {
    const report = reportOf(waiting.at(-1)!)
    const saga = report && (await stateOf(report, readers))
    if (saga?.stuck)
      found.push({ service: report!.service, ...saga, reason: report!.reason, sinceMs: waiting[0]!.sinceMs })
    else for (const one of waiting) await subscriptions.acknowledge(one)
  })
  return found.toSorted((a, b) => a.sinceMs - b.sinceMs)
}

async function stateOf(
  { service, sagaId, step, attempt }: Report,
  readers: SagaReaders,
): Promise<SagaState | undefined> {
  const read = readers[service]
  return read ? read(sagaId) : { sagaId, status: 'unknown', stuck: true, waitsFor: [{ step, attempt, until: null }] }
}

interface Report {
  readonly service: string
  readonly sagaId: string
  readonly step: string
  readonly attempt: number
  readonly reason: string
}

/** Undefined for a message that can not be parsed. */
function reportOf({ data }: Waiting): Report | undefined {
  try {
    const { source, data: report } = JSON.parse(data.toString('utf8')) as {
      readonly source: string
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
    return undefined
  }
}
