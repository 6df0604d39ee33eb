/** The migration beside the old shop in its process: facade, controls, and the work that goes on all the time. */

import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { Hono } from 'hono'
import { connect, Refusal } from '../../cli/api.ts'
import type { Running } from '../../cli/command.ts'
import { createControl } from './control.ts'
import { createFacade } from './facade.ts'
import { createMigration } from './migration.ts'
import { createOffice } from './office.ts'
import { openPubSub } from './pubsub.ts'
import { MIGRATOR, openStore } from './store.ts'
import type { PlatformApi } from './to-platform.ts'

const PUMP_EVERY_MS = 500
const SETTLE_MS = 500
/** Of the question whether the platform took an order: a customer's request or the changes of both systems wait for the answer. */
const INQUIRY_TIMEOUT_MS = 5_000

export interface Opened {
  /** All of the migration's routes. */
  readonly app: Hono
  /** The old shop's own door. */
  readonly office: Hono
  close(): Promise<void>
}

export async function openMigration(
  { db, shop }: { readonly db: DatabaseSync; readonly shop: Hono },
  running: Running,
  report: (line: string) => void,
): Promise<Opened> {
  const store = openStore(db)
  const roles = {
    importer: connect(running, { sub: MIGRATOR, roles: ['importer'] }),
    admin: connect(running, { sub: MIGRATOR, roles: ['admin'] }),
  }
  const api: PlatformApi = {
    send: async (role, method, path, options) => (await roles[role].send<never>(method, path, options)).body,
    async orderOf(id) {
      try {
        return await api.send('admin', 'GET', `/v1/orders/${id}`, { timeoutMs: INQUIRY_TIMEOUT_MS })
      } catch (error) {
        if (error instanceof Refusal && error.problem.status === 404) return undefined
        throw error
      }
    },
  }
  const { changes, events } = await openPubSub(`http://${running.apiHost}`, running.projectId)
  const migration = createMigration({
    db,
    store,
    api,
    changes,
    events,
    settle: () => pause(SETTLE_MS),
    now: Date.now,
    pause,
  })
  let last: Promise<unknown> = Promise.resolve()
  const exclusively = <T>(act: () => Promise<T>): Promise<T> => {
    const next = last.catch(() => {}).then(act)
    last = next
    return next
  }
  let isWaiting = false
  const timer = setInterval(() => {
    if (isWaiting) return
    isWaiting = true
    exclusively(() => migration.pump())
      .catch((error: unknown) => report(`A change waits: ${String(error)}`))
      .finally(() => {
        isWaiting = false
      })
  }, PUMP_EVERY_MS)

  const app = new Hono()
  app.route('/', createControl({ migration, store }, running.secret, exclusively))
  app.route('/', createFacade({ db, store, api, now: Date.now }))
  return {
    app,
    office: createOffice(shop, store),
    async close() {
      clearInterval(timer)
      await last.catch(() => {})
    },
  }
}
