import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { findRunning, main, UsageError } from './command.ts'

const said: string[] = []
const given: unknown[] = []
let before: typeof process.exitCode
beforeEach(() => {
  before = process.exitCode
  said.length = given.length = 0
  vi.spyOn(console, 'error').mockImplementation((line: string) => void said.push(line))
})
afterEach(() => {
  process.exitCode = before
  vi.restoreAllMocks()
})

const typed = async (args: string[], words?: number): Promise<typeof process.exitCode> => {
  const options = { service: { type: 'string' }, json: { type: 'boolean' } } as const
  await main(
    { usage: '', options, ...(words === undefined ? {} : { words }), run: async (...all) => void given.push(all) },
    args,
  )
  return process.exitCode
}

it.each<[string, string[], string]>([
  ['an unknown option', ['--loud'], 'There is no option --loud: --help shows what this command takes.'],
  ['an unknown letter', ['-x'], 'There is no option -x: --help shows what this command takes.'],
  ['an option without its value', ['--service'], '--service takes a value: --help shows which.'],
  ['an option whose value is the next option', ['--service', '--json'], '--service takes a value: --help shows which.'],
  ['a value that nobody asked for', ['--json=yes'], '--json takes no value.'],
  ['a word', ['orders'], 'What is "orders"? This command takes no words, only options: see --help.'],
])('%s is refused in one line', async (_, args, line) => {
  expect(await typed(args)).toBe(1)
  expect(said).toEqual([line])
  expect(given).toEqual([])
})

it('takes as many words as it says', async () => {
  expect(await typed(['a', 'b'], 1)).toBe(1)
  expect(said).toEqual(['What is "b"? This command takes one word at most besides its options: see --help.'])
  expect(await typed(['a'], 1)).toBe(0)
  expect(given).toMatchObject([[{}, ['a']]])
})

it.each(['', '{"pid":', '[]', 'null'])('a note that was left by halves is named, and what to do: %j', (text) => {
  const directory = mkdtempSync(join(tmpdir(), 'note-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  vi.stubEnv('MILLRACE_DATA', directory)
  onTestFinished(() => void vi.unstubAllEnvs())
  const file = join(directory, 'running.json')
  writeFileSync(file, text)
  const damaged = `${file} is damaged: stop Millrace if it runs, delete that file, then run npm start again.`
  expect(findRunning).toThrow(new UsageError(damaged))
})
