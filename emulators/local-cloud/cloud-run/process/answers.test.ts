/** The answers of a container to a probe. */

import { once } from 'node:events'
import { Agent } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { answerAt } from './process.ts'

async function answeredBy(serve: (socket: Socket) => void, timeoutMs?: number) {
  const server = createServer((socket) => void socket.on('error', () => {}).once('data', () => serve(socket)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  return answerAt('/live', { port: (server.address() as AddressInfo).port, agent: new Agent() }, timeoutMs)
}

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n'

it('an answer is whole, or broken, or does not come in time', async () => {
  expect(await answeredBy((socket) => socket.end(`${HEAD}ok`))).toEqual({ status: 200, text: 'ok' })
  expect(await answeredBy((socket) => void socket.destroy())).toBe('broken')
  expect(await answeredBy((socket) => void socket.end(`${HEAD}o`))).toBe('broken')
  expect(await answeredBy((socket) => void socket.write(`${HEAD}o`), 20)).toBe('silent')
})
