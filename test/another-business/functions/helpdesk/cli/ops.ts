/** The verb of `npm run ops` for visits: retry. */

import { randomUUID } from 'node:crypto'
import { type Api, Refusal } from '../../../../../cli/api.ts'
import { define, UsageError } from '../../../../../cli/command.ts'
import { actingOptions, operatorFrom } from '../../../../../cli/ops/operator.ts'
import { targetFrom, targetOptions } from '../../../../../cli/ops/target.ts'
import { say, shown } from '../../../../../cli/terminal.ts'
import type { SagaState } from '../../../../../cli/tools.ts'

const pathOf = (ticketId: string): string => `/v1/tickets/${encodeURIComponent(ticketId)}/visit`

/** Undefined: there is no such visit. */
export async function readVisit(api: Api, ticketId: string): Promise<SagaState | undefined> {
  try {
    const { body } = await api.send<Omit<SagaState, 'sagaId'>>('GET', pathOf(ticketId))
    return { ...body, sagaId: ticketId }
  } catch (error) {
    if (error instanceof Refusal && error.problem.status === 404) return undefined
    throw error
  }
}

const retry = define({
  brief: 'Retries the pending step of a visit now.',
  words: { name: 'TICKET', brief: 'its id; stuck lists the ids', max: 1 },
  options: { ...targetOptions, ...actingOptions },
  async run(values, [ticketId]) {
    const { actor, reason } = operatorFrom(values)
    if (!ticketId) throw new UsageError("The ticket's id is missing: npm run ops -- stuck lists them.")
    const api = targetFrom(values).api(actor)
    await api.send('POST', `${pathOf(ticketId)}/retry`, { key: randomUUID(), body: { reason } })
    say(`${shown(ticketId)}: retry requested`)
  },
})

export const verbs = { retry }
