/** The methods of queues. */

import type { Unary } from '../../core/service.ts'
import { alreadyExists, invalidArgument } from '../../core/status.ts'
import type { CloudTasksState } from '../state.ts'
import { limits } from '../values/limits.ts'
import { queueName } from '../values/names.ts'
import type { QueueRecord } from '../values/records.ts'
import { settingsOf, type WireQueue, wireQueue } from '../values/proto-codec.ts'

export function queueMethods({
  clock,
  queues,
  queueOf,
  dispatcherOf,
  removeTasks,
  removeDispatcher,
}: CloudTasksState): Record<string, Unary> {
  const changeState = (name: string, state: QueueRecord['state']): object => {
    const changed = { ...queueOf(name), state }
    queues.set(name, changed)
    dispatcherOf(name).wake()
    return wireQueue(changed)
  }

  const methods: Record<string, Unary> = {
    createQueue({ parent, queue }: { parent: string; queue?: WireQueue }) {
      const name = queue?.name ?? ''
      if (!queueName.test(name) || !name.startsWith(`${parent}/queues/`)) {
        throw invalidArgument(
          `Queue name "${name}" must be ${parent}/queues/Q, Q of letters, digits and hyphens, at most ${limits.queueIdCharacters}.`,
        )
      }
      if (queue?.appEngineRoutingOverride)
        throw invalidArgument('Queue.app_engine_routing_override is not served by the local cloud.')
      if (queues.has(name)) throw alreadyExists('Queue already exists')
      const record: QueueRecord = { name, state: 'RUNNING', ...settingsOf(queue!) }
      queues.set(name, record)
      return wireQueue(record)
    },
    getQueue: ({ name }: { name: string }) => wireQueue(queueOf(name)),
    listQueues: ({ parent }: { parent: string }) => ({
      queues: [...queues.values()].filter(({ name }) => name.startsWith(`${parent}/`)).map(wireQueue),
    }),
    updateQueue({ queue }: { queue?: WireQueue }) {
      const name = queue?.name ?? ''
      const before = queues.get(name)
      // An update of a queue that is not there makes it, as Google's does.
      if (!before)
        return (methods['createQueue'] as Unary)({ parent: name.split('/queues/')[0], queue }, undefined as never)
      const record = { ...before, ...settingsOf(queue!, before) }
      queues.set(name, record)
      dispatcherOf(name).wake()
      return wireQueue(record)
    },
    deleteQueue({ name }: { name: string }) {
      queueOf(name)
      removeTasks(name)
      removeDispatcher(name)
      queues.delete(name)
      return {}
    },
    purgeQueue({ name }: { name: string }) {
      const purged = { ...queueOf(name), purgedAtMs: clock.now() }
      removeTasks(name)
      queues.set(name, purged)
      return wireQueue(purged)
    },
    pauseQueue: ({ name }: { name: string }) => changeState(name, 'PAUSED'),
    resumeQueue: ({ name }: { name: string }) => changeState(name, 'RUNNING'),
  }
  return methods
}
