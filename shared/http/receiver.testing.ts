/** An HTTP server on a port of its own that receives posts, for tests of those that the platform sends. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedPost {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Receiver {
  readonly url: string
  readonly port: number
  readonly received: ReceivedPost[]
  /** Posts with a challenge: answered with it, like every other with the status if that is no success. */
  readonly challenges: ReceivedPost[]
  /** The status of the answers from now on; undefined: there is no answer. */
  answer(status: number | undefined, headers?: Readonly<Record<string, string>>): void
  close(): Promise<void>
}

export async function openReceiver(): Promise<Receiver> {
  const received: ReceivedPost[] = []
  const challenges: ReceivedPost[] = []
  let status: number | undefined = 204
  let answerHeaders: Readonly<Record<string, string>> = {}
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => void (body += chunk.toString()))
    request.on('end', () => {
      const { challenge } = (JSON.parse(body) as { readonly data?: { readonly challenge?: string } }).data ?? {}
      ;(challenge === undefined ? received : challenges).push({
        headers: request.headers as ReceivedPost['headers'],
        body,
      })
      if (challenge !== undefined && status !== undefined && status < 300) response.end(challenge)
      else if (status !== undefined) response.writeHead(status, answerHeaders).end()
    })
  })
  server.listen(0, '127.0.0.1')
  // A program that forgets it still ends.
  server.unref()
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    port,
    received,
    challenges,
    answer(next, headers = {}) {
      status = next
      answerHeaders = headers
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
