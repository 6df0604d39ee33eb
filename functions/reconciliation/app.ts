/** Handlers of reconciliation: each page of a run is a commit, and the command for the next one. */

import { implement } from '../../shared/service/app.ts'
import type { RecordOf, SentBy } from '../../shared/contracts/contract.ts'
import type { ServiceApp } from '../../shared/service/service-app.ts'
import { type DocumentPath, documentPath } from '../../shared/service/document-path.ts'
import { type Decision, noChange, type Platform, type Stream } from '../../shared/service/platform.ts'
import type { Difference, reconciliationContracts } from './contracts.ts'
import { begun, type ComparedPage, comparePage, type Run } from './run.ts'
import { reconciliation } from './service.ts'

type Recorded = RecordOf<typeof reconciliationContracts>
type RunDecision = Decision<Recorded, SentBy<typeof reconciliation>>

/** Differences of one run that have an event and a line in the log. Further ones are only counted: so many differences have one cause. */
const MAX_DIFFERENCES = 1_000

const runPath = (runId: string): DocumentPath => documentPath<typeof reconciliation>('runs', runId)
/** As a text, since the names of products may not be names of fields in Firestore. */
const companionOf = (run: Run): Readonly<Record<string, unknown>> => ({ run: JSON.stringify(run) })
const runIn = ({ companion }: Stream): Run | undefined =>
  companion?.['run'] === undefined ? undefined : (JSON.parse(String(companion['run'])) as Run)

/** A partner's names may have characters that no event may hold: these are replaced, so that the difference is still recorded. */
export const printable = ({ kind, id, values }: Difference): Difference => ({
  kind,
  id: cut(id, 600),
  values: Object.fromEntries(Object.entries(values).map(([side, value]) => [side, cut(value, 1_000)])),
})
const cut = (text: string, characters: number): string =>
  Array.from(text.replaceAll(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/gu, '\uFFFD'))
    .slice(0, characters)
    .join('') || 'an empty text'

/** The events of a compared page, and what follows. */
function decisionOf(runId: string, before: Run, { run, differences }: ComparedPage): RunDecision {
  const shown = differences.slice(0, Math.max(0, MAX_DIFFERENCES - before.differences))
  const events: Recorded[] = shown.map((one) => ({ type: 'difference.found', data: { ...printable(one), runId } }))
  const { page, after } = run
  events.push({ type: 'page.compared', data: { page: before.page, ...(after === undefined ? {} : { after }) } })
  if (run.phase === 'ended') {
    const { startedAt, compared, inFlight, differences: all } = run
    events.push({ type: 'reconciliation.ended', data: { runId, startedAt, compared, inFlight, differences: all } })
  }
  return {
    events,
    commands: run.phase === 'ended' ? [] : [{ type: 'ContinueReconciliation', data: { runId, page } }],
    companion: companionOf(run),
  }
}

/** Operators are alerted by these lines: see `alertsOn` in the description. A redelivery writes them again. */
function logDifferences({ log }: Platform, { events }: RunDecision): void {
  for (const { type, data } of events) {
    if (type === 'difference.found') log('ERROR', type, { ...data, correlationId: data.runId })
    if (type === 'reconciliation.ended') log('INFO', type, { ...data, correlationId: data.runId })
  }
}

export const app: ServiceApp = implement(reconciliation, {
  on: {},
  commands: {
    async ReconcileRecords(message, platform) {
      const { id: runId } = message
      const { minAgeMinutes } = message.data
      const startedAt = new Date(platform.now()).toISOString()
      const stream = await platform.streams.readRecent(runId, runPath(runId))
      return platform.streams.handle<Recorded, SentBy<typeof reconciliation>>(message, stream, () => ({
        events: [{ type: 'reconciliation.begun', data: { startedAt, minAgeMinutes } }],
        commands: [{ type: 'ContinueReconciliation', data: { runId, page: 1 } }],
        companion: companionOf(begun(startedAt, minAgeMinutes)),
      }))
    },
    async ContinueReconciliation(message, platform) {
      const { runId, page } = message.data
      const stream = await platform.streams.readRecent(runId, runPath(runId))
      const run = runIn(stream)
      const isDue = run?.page === page && run.phase !== 'ended'
      const compared = isDue ? await comparePage(platform, runId, run) : undefined
      const decision = await platform.streams.handle<Recorded, SentBy<typeof reconciliation>>(message, stream, (now) =>
        compared && runIn(now)?.page === page ? decisionOf(runId, run!, compared) : noChange,
      )
      logDifferences(platform, decision)
      return decision
    },
  },
})
