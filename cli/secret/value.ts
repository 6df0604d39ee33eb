/** The value of a secret: from a terminal without echo, or from another program; and what is wrong with it. */

import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { ReadStream } from 'node:tty'
import { isSecretValue } from '../../shared/base/secret.ts'
import { UsageError } from '../command.ts'

/** Of Secret Manager. */
export const MAX_VALUE_BYTES = 64 * 1024
/** Texts that a guide has where the credential belongs, in any case. */
const PLACEHOLDER = /^(?:<.*>|\[.*\]|\$\{?\w+\}?|x{3,}|\*{3,}|\.{3,}|change[-_ ]?me|placeholder|your[-_ ].*)$/i

export type Input = NodeJS.ReadableStream & Partial<Pick<ReadStream, 'isTTY'>>

/**
 * The value, without one line break at its end: `echo` adds it, and no value ends with one.
 * @param ask is called before a person is to type
 * @throws UsageError when it is too long, or when the person ends the input (Ctrl-C, Ctrl-D)
 */
export async function readValue(input: Input, ask: () => void): Promise<string> {
  const text = input.isTTY ? await typed(input, ask) : await wholeOf(input)
  return text.replace(/\r?\n$/, '')
}

async function wholeOf(input: Input): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk))
    bytes += chunks.at(-1)!.length
    // Not all of an input without end is kept.
    if (bytes > MAX_VALUE_BYTES + '\r\n'.length) throw tooLong()
  }
  return Buffer.concat(chunks).toString()
}

/** Readline takes the echo from the terminal, and writes what is typed to its output: here that is nothing. */
async function typed(input: Input, ask: () => void): Promise<string> {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const readline = createInterface({ input, output, terminal: true })
  const lines: string[] = []
  const ended = new Promise<void>((resolve) => {
    readline.once('close', resolve)
    readline.on('line', (line) => {
      lines.push(line)
      // Later than the other lines of a paste, which must not be cut off unseen.
      setImmediate(() => readline.close())
    })
  })
  ask()
  await ended
  if (lines.length === 0) throw new UsageError('No value was typed: nothing is changed.')
  return [...lines, ...(readline.line === '' ? [] : [readline.line])].join('\n')
}

/** @throws UsageError that says why this is no value of the secret, without the value. */
export function checkValue(name: string, value: string): void {
  const refuse = (fault: string): never => {
    throw new UsageError(`${fault} Nothing is changed.`)
  }
  if (value === '') refuse(`The value of ${name} is empty.`)
  if (Buffer.byteLength(value) > MAX_VALUE_BYTES) throw tooLong()
  if (!isSecretValue(value))
    refuse(
      `The value of ${name} takes visible ASCII characters in one line, without white space at its ends: no service starts with these ${value.length} characters.`,
    )
  if (PLACEHOLDER.test(value) || value === name) refuse(`The value of ${name} is a placeholder.`)
}

const tooLong = (): UsageError =>
  new UsageError(`The value has more than the ${MAX_VALUE_BYTES} bytes of Secret Manager. Nothing is changed.`)
