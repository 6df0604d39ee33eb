/** `npm run legacy`: the old shop, in one process with one database. */

import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { serve } from '@hono/node-server'
import { dataDirectory, main, wholeNumber } from '../cli/command.ts'
import { say } from '../cli/terminal.ts'
import { createShop } from './shop/app.ts'
import { openDatabase } from './shop/database.ts'

void main('legacy', {
  brief: 'Starts the old shop that docs/strangler.md replaces step by step: one process, one SQL database.',
  options: { port: wholeNumber('the port of its HTTP API', 4090, { from: 1024, to: 65_000 }) },
  async run({ port }) {
    const file = join(dataDirectory(), 'legacy', 'shop.sqlite')
    mkdirSync(dirname(file), { recursive: true })
    const db = openDatabase(file)
    const server = serve({ fetch: createShop(db).fetch, port, hostname: '127.0.0.1' }, () =>
      say(`The old shop answers at http://127.0.0.1:${port}. Its database is ${file}.`),
    )
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close(() => resolve()))
    })
    db.close()
  },
})
