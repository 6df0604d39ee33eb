/** The two programs that take HTTP/1.1 and HTTP/2 at one port tell them apart in the same way: neither may import the other. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { sniff } from '../../shared/runtime/first-bytes.ts'
import { root } from '../support/root.ts'

const textOf = (folder: string): string => readFileSync(join(root, folder, 'first-bytes.ts'), 'utf8')

it('is the same code in the services and in the local cloud', () => {
  expect(textOf('emulators/local-cloud/core')).toBe(textOf('shared/runtime'))
})

/** The verdict on a connection that sends these chunks; undefined if it is closed before. */
async function verdictOn(...chunks: readonly (string | null | Error)[]): Promise<boolean | undefined> {
  const socket = new Duplex({ read: () => {}, write: (_, __, done) => done() })
  const verdict = new Promise<boolean | undefined>((resolve) => {
    sniff(socket as Socket, resolve)
    socket.once('close', () => resolve(undefined))
  })
  for (const chunk of chunks) {
    if (chunk instanceof Error) socket.destroy(chunk)
    else socket.push(chunk)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return verdict
}

it.each([
  ['HTTP/2 by its preface', ['PRI * HTTP/2.0'], true],
  ['HTTP/2 by single bytes', ['P', 'R', 'I'], true],
  ['HTTP/1.1', ['GET / HTTP/1.1'], false],
  ['HTTP/1.1 with a method that begins as the preface does', ['P', 'OST / HTTP/1.1'], false],
  ['closed if it ends before', ['P', null], undefined],
  ['closed if it fails before', ['P', new Error('ECONNRESET')], undefined],
] as const)('a connection is %s', async (_, chunks, expected) => {
  expect(await verdictOn(...chunks)).toBe(expected)
})
