import { PassThrough, Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { UsageError } from '../command.ts'
import { checkValue, type Input, MAX_VALUE_BYTES, readValue } from './value.ts'

const read = (...chunks: readonly (string | Buffer)[]): Promise<string> =>
  readValue(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), () => expect.unreachable())

it.each<[string, string[], string]>([
  ['as it is', ['sk_live_', '4711'], 'sk_live_4711'],
  ['without the line break of echo', ['sk_live_4711\n'], 'sk_live_4711'],
  ['without the line break of Windows', ['sk_live_4711\r', '\n'], 'sk_live_4711'],
  ['with a second line break', ['sk_live_4711\n\n'], 'sk_live_4711\n'],
  ['with blanks at its ends', [' sk '], ' sk '],
  ['empty', [], ''],
  ['empty for a line break alone', ['\n'], ''],
])('a value of another program is read %s', async (_what, chunks, value) => {
  expect(await read(...chunks)).toBe(value)
})

it('an input that is too long is not read to its end', async () => {
  let chunks = 0
  const long = Readable.from(
    (function* () {
      while (chunks < 5_000) yield Buffer.alloc(1024, (chunks += 1) && 'x')
    })(),
  )
  await expect(readValue(long, () => {})).rejects.toThrow('more than the 65536 bytes')
  expect(chunks).toBeLessThan(200)
  expect(await read('x'.repeat(MAX_VALUE_BYTES))).toHaveLength(MAX_VALUE_BYTES)
})

/** A terminal at which a person types; `raw`: whether it leaves the echo to the program, each change. */
function terminal(): { readonly input: Input & PassThrough; readonly raw: boolean[] } {
  const raw: boolean[] = []
  const input = Object.assign(new PassThrough(), {
    isTTY: true as const,
    setRawMode: (mode: boolean) => void raw.push(mode),
  })
  return { input, raw }
}

async function typing(keys: string): Promise<{ readonly value: string | Error; readonly raw: boolean[] }> {
  const { input, raw } = terminal()
  const value = await readValue(input, () => void input.write(keys)).catch((error: unknown) => error as Error)
  return { value, raw }
}

it('a terminal shows nothing of a typed value, and its own echo afterwards', async () => {
  expect(await typing('sk_lice\u007F\u007Fve\r')).toEqual({ value: 'sk_live', raw: [true, false] })
})

it.each([
  ['Ctrl-C', 'sk_l\u0003'],
  ['Ctrl-D', '\u0004'],
])('%s ends the input of a terminal without a value', async (_keys, keys) => {
  const { value, raw } = await typing(keys)
  expect(value).toEqual(new UsageError('No value was typed: nothing is changed.'))
  expect(raw).toEqual([true, false])
})

it('several pasted lines are no value of one line', async () => {
  expect((await typing('-----BEGIN\rabc\r-----END\r')).value).toBe('-----BEGIN\nabc\n-----END')
  expect((await typing('first\rsecond')).value).toBe('first\nsecond')
})

it.each<[string, string, string]>([
  ['an empty one', '', 'is empty'],
  ['one of more than 64 KiB', 'x'.repeat(MAX_VALUE_BYTES + 1), 'more than the 65536 bytes'],
  ['one with a line break', 'sk\nlive', 'in one line'],
  ['one with a blank at its end', 'sk_live ', 'without white space'],
  ['one that no header takes', 'sk_live_ü', 'ASCII'],
  ['a name in angle brackets', '<your key>', 'placeholder'],
  ['a variable', '$VALUE', 'placeholder'],
  ['a variable in braces', '${VALUE}', 'placeholder'],
  ['crosses', 'XXXX', 'placeholder'],
  ['dots', '...', 'placeholder'],
  ['a word to replace', 'change-me', 'placeholder'],
  ['a phrase to replace', 'your_api_key', 'placeholder'],
  ['its own name', 'partner-key', 'placeholder'],
])('%s is refused, and not shown', (_what, value, fault) => {
  const refused = (() => {
    try {
      checkValue('partner-key', value)
      return undefined
    } catch (error) {
      return error as Error
    }
  })()
  expect(refused).toBeInstanceOf(UsageError)
  expect(refused!.message).toContain(fault)
  if (value.length > 4 && value !== 'partner-key') expect(refused!.message).not.toContain(value)
})

it.each(['k'.repeat(MAX_VALUE_BYTES), 'sk_live_4711', 'a key with blanks', '$2b$10$abc', 'x', 'yourself'])(
  '%.20s is a value',
  (value) => {
    expect(() => checkValue('partner-key', value)).not.toThrow()
  },
)
