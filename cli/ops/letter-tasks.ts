/** Replays and discards dead letters: a task through the service's own queue names them; it carries no content. */

import { discardCommand, replayCommand } from '../../shared/base/names.ts'
import type { Operator } from '../../shared/base/operator.ts'
import { type DeadLetterCommand, MAX_LETTERS } from '../../shared/messaging/dead-letter-commands.ts'
import type { Service } from '../../shared/service/service.ts'
import { UsageError } from '../command.ts'
import type { DeadLetter } from './dead-letters.ts'
import { createOperatorTasks } from './operator-task.ts'
import type { Target } from './target.ts'
import { printError, say, shown } from '../terminal.ts'

/** @throws UsageError for a dead letter that can not be replayed. */
export function checkReplayable(
  { consumer, type }: Pick<DeadLetter, 'consumer' | 'type'>,
  services: readonly Service[],
): void {
  const service = services.find(({ name }) => name === consumer)
  if (!service)
    throw new UsageError(
      `${consumer} is not a service, so nothing can be replayed to it: remove the cause that the reason names, then publish the event again.`,
    )
  if (!service.on.includes(type) && !service.accepts.includes(type))
    throw new UsageError(`${consumer} has no handler for ${type}: deploy one first.`)
}

/** @throws UsageError for a dead letter that no service can discard. */
export function checkDiscardable({ consumer }: Pick<DeadLetter, 'consumer'>, services: readonly Service[]): void {
  if (!services.some(({ name }) => name === consumer))
    throw new UsageError(
      `${consumer} is not a service, so none would log who discards it: Pub/Sub deletes it when its 31 days are over.`,
    )
}

const acts = {
  [replayCommand]: { noun: 'replay', done: 'replayed', check: checkReplayable },
  [discardCommand]: { noun: 'discard', done: 'discarded', check: checkDiscardable },
} as const

interface Requested {
  readonly command: DeadLetterCommand
  readonly tasks: LetterTasks
  readonly operator: Operator
  readonly services: readonly Service[]
}

/** Prints the outcome of each. Returns the number of dead letters for which no task was made. */
export async function requestEach(
  letters: readonly DeadLetter[],
  { command, tasks, operator, services }: Requested,
): Promise<number> {
  const { noun, done, check } = acts[command]
  const report = ({ id, type }: DeadLetter, error: unknown): void => {
    if (!(error instanceof UsageError)) throw error
    printError(`${shown(id)}  ${shown(type)} was not ${done}: ${shown(error.message)}`)
  }
  const sendable = letters.filter((letter) => {
    try {
      check(letter, services)
      return true
    } catch (error) {
      report(letter, error)
      return false
    }
  })
  let failed = letters.length - sendable.length
  for (const some of Map.groupBy(sendable, ({ consumer }) => consumer).values()) {
    for (let first = 0; first < some.length; first += MAX_LETTERS) {
      const chunk = some.slice(first, first + MAX_LETTERS)
      try {
        await tasks.request(command, chunk, operator)
        for (const { id, type, consumer } of chunk)
          say(
            `${shown(id)}  ${noun} of ${shown(type)} ${command === replayCommand ? 'to' : 'by'} ${consumer} requested`,
          )
      } catch (error) {
        failed += chunk.length
        for (const letter of chunk) report(letter, error)
      }
    }
  }
  return failed
}

export interface LetterTasks {
  /** Returns once the task exists. The dead letters are of one consumer. @throws UsageError when the task was refused */
  request(command: DeadLetterCommand, letters: readonly DeadLetter[], operator: Operator): Promise<void>
  close(): Promise<void>
}

export async function createLetterTasks(target: Target): Promise<LetterTasks> {
  const { send, close } = await createOperatorTasks(target)
  return {
    async request(type, letters, operator) {
      const data = { messageIds: letters.map(({ id }) => id) }
      await send({ service: letters[0]!.consumer, type, version: 1, data }, operator)
    },
    close,
  }
}
