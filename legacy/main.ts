/** `npm run legacy`: the old shop, in one process with one database; beside it, when the platform runs, the migration to it. */

import type { DatabaseSync } from 'node:sqlite'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { dataDirectory, findRunning, main, UsageError, wholeNumber } from '../cli/command.ts'
import { printError, say } from '../cli/terminal.ts'
import { createShop } from './shop/app.ts'
import { DamagedDatabase, openDatabase } from './shop/database.ts'
import { LEGACY_PORT } from './strangler/port.ts'

void main('legacy', {
  brief: 'Starts the old shop that docs/strangler.md replaces step by step: one process, one SQL database.',
  options: { port: wholeNumber('the port of its HTTP API', LEGACY_PORT, { from: 1024, to: 65_000 }) },
  async run({ port }) {
    const running = findRunning()
    const file = join(dataDirectory(), 'legacy', 'shop.sqlite')
    const db = opened(file)
    const shop = createShop(db)
    const app = new Hono()
    const { openMigration } = await import('./strangler/open.ts')
    const migration = running?.ready ? await openMigration({ db, shop }, running, printError) : undefined
    if (migration) app.route('/', migration.app)
    app.mount('/', (migration?.office ?? shop).fetch)
    const stopped = Promise.withResolvers<void>()
    const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () => {
      say(`The old shop answers at http://127.0.0.1:${port}. Its database is ${file}.`)
      say(migration ? 'npm run strangle -- status' : 'The platform does not run here, so there is no migration.')
    })
    server.once('error', (error) => stopped.reject(explained(error, port)))
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => server.close(() => stopped.resolve()))
    try {
      await stopped.promise
    } finally {
      await migration?.close()
      db.close()
    }
  },
})

function opened(file: string): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true })
  try {
    return openDatabase(file)
  } catch (error) {
    if (!(error instanceof DamagedDatabase)) throw error
    throw new UsageError(
      `${file} is damaged (${error.message}): delete ${dirname(file)}, then start again, and the old shop begins without orders.`,
    )
  }
}

const explained = (error: Error, port: number): Error =>
  (error as { readonly code?: string }).code === 'EADDRINUSE'
    ? new UsageError(
        `Port ${port} is taken: stop what listens there, or start the old shop on another port: npm run legacy -- --port ${port + 1}`,
      )
    : error
