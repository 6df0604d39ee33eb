import { createServer } from 'node:http'
import { once } from 'node:events'
import { afterEach, expect, it, vi } from 'vitest'
import { freeBlock, freePort, freePorts } from './free-ports.ts'

afterEach(() => void vi.restoreAllMocks())

it('a port that was given is not given again, though nothing listens there yet', async () => {
  const thrown = Math.random()
  const random = vi.spyOn(Math, 'random').mockReturnValueOnce(thrown)
  const first = await freePort()
  random.mockReturnValueOnce(thrown)
  expect(await freePort()).not.toBe(first)
})

it('each of several is another', async () => {
  expect(new Set(await freePorts(30)).size).toBe(30)
})

it('a block of a hundred ports is given once', async () => {
  const [one, other] = [await freeBlock(), await freeBlock()]
  expect([one % 100, other % 100]).toEqual([0, 0])
  expect(one).not.toBe(other)
})

it('a server can listen there', async () => {
  const port = await freePort()
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  server.close()
})
