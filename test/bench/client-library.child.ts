/**
 * A service that needs one of Google's libraries: `eager` imports it before it listens, `lazy` at its first request. Reports when
 * it listens and when the first request is answered, with the processor time so far.
 */

import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const [library, when] = process.argv.slice(2) as [string, 'eager' | 'lazy' | 'never']
const say = (what: string): void => {
  const { user, system } = process.cpuUsage()
  process.send!({ what, cpuMs: (user + system) / 1000 })
}

if (when === 'eager') await import(library)
const app = new Hono()
app.post('/', async (c) => {
  if (when === 'lazy') await import(library)
  const { subscription } = await c.req.json<{ subscription: string }>()
  queueMicrotask(() => say('handled'))
  return c.json({ subscription })
})
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  process.send!({ port })
  say('listening')
})
process.on('disconnect', () => {
  server.close()
  process.exit(0)
})
