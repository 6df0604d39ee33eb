import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { announceIn, lockDirectory } from './lock.testing.ts'
import {
  define,
  findRunning,
  flag,
  main,
  mainOf,
  text,
  texts,
  UsageError,
  wholeNumber,
  wholeNumbers,
} from './command.ts'

const printedErrors: string[] = []
const given: unknown[] = []
let before: typeof process.exitCode
beforeEach(() => {
  before = process.exitCode
  printedErrors.length = given.length = 0
  vi.spyOn(console, 'error').mockImplementation((line: string) => void printedErrors.push(line))
})
afterEach(() => {
  process.exitCode = before
  vi.restoreAllMocks()
})

const typed = async (args: string[], max = 0): Promise<typeof process.exitCode> => {
  const options = {
    service: text('NAME', 'a name'),
    'dry-run': flag('changes nothing'),
    json: flag('as JSON'),
    sku: texts('SKU', 'several'),
    currency: text('CODE', 'of money', 'EUR'),
    lines: wholeNumber('how many', 20, { from: 1, to: 99 }),
  }
  const words = { name: 'WORD', brief: 'a word', max }
  const command = { brief: 'Tries.', about: 'Twice.', options, ...(max > 0 ? { words } : {}) }
  await main('try', { ...command, run: async (...all) => void given.push(all) }, args)
  return process.exitCode
}

it.each<[string, string[], string]>([
  ['an unknown option', ['--everything'], 'There is no option --everything. See --help.'],
  ['an option with a typing error', ['--jsn'], 'There is no option --jsn. Did you mean --json? See --help.'],
  ['an unknown letter', ['-x'], 'There is no option -x. See --help.'],
  ['an option without its value', ['--service'], '--service has no value: it takes NAME. See --help.'],
  [
    'an option whose value is the next option',
    ['--lines', '--json'],
    '--lines has no value: it takes a number, and --json follows it. See --help.',
  ],
  [
    'a single-valued option, given twice',
    ['--currency', 'EUR', '--currency', 'GBP'],
    '--currency takes one value, and has two: "EUR" and "GBP". See --help.',
  ],
  ['a word', ['orders'], 'This command takes no words, only options: "orders" is one too many. See --help.'],
  [
    'a number without its option',
    ['--json', '30'],
    'This command takes no words, only options. Did you mean npm run try -- --json --lines 30? See --help.',
  ],
  [
    'a number that its option would not take',
    ['300'],
    'This command takes no words, only options: "300" is one too many. See --help.',
  ],
  [
    'a flag without its dashes',
    ['dry-run'],
    'This command takes no words, only options. Did you mean npm run try -- --dry-run? See --help.',
  ],
  ...['0', '100', '1.5', '-1', '1e1', ' 2'].map((number): [string, string[], string] => [
    `"${number}" for a number`,
    [`--lines=${number}`],
    `--lines "${number}": it takes a whole number from 1 to 99. See --help.`,
  ]),
])('%s is refused in one line', async (_, args, line) => {
  expect(await typed(args)).toBe(1)
  expect(printedErrors).toEqual([line])
  expect(given).toEqual([])
})

it('a suggestion names options of the subcommand that runs alone', async () => {
  const { argv } = process
  onTestFinished(() => void (process.argv = argv))
  const command = (options: Parameters<typeof define>[0]['options']) =>
    define({ brief: 'Tries.', options, run: async (...all) => void given.push(all) })
  const commands = {
    show: command({ json: flag('as JSON'), lines: wholeNumber('how many', 20, {}) }),
    set: command({ env: text('NAME', 'where') }),
  }
  for (const [args, line] of [
    [
      ['set', 'prod'],
      'This command takes no words, only options. Did you mean npm run try -- set --env prod? See --help.',
    ],
    [['show', 'prod'], 'This command takes no words, only options: "prod" is one too many. See --help.'],
    // No subcommand is typed: the word was to be one.
    [['prod'], 'There is no command "prod". There are: show, set. See --help.'],
    [['shw'], 'There is no command "shw". Did you mean show? See --help.'],
    [['--json', 'st', 'more'], 'There is no command "st". Did you mean set? See --help.'],
    [['7'], 'This command takes no words, only options. Did you mean npm run try -- --lines 7? See --help.'],
  ] as const) {
    process.argv = ['node', 'try', ...args]
    await mainOf('try', 'Tries.', commands, 'show')
    expect([process.exitCode, printedErrors.pop()]).toEqual([1, line])
  }
  expect(given).toEqual([])
})

it('gives each option its value or its default', async () => {
  expect(await typed([])).toBe(0)
  expect(await typed(['--sku', 'A', '--lines', '3', '--json', '--sku=--B', '--dry-run'])).toBe(0)
  const all = (values: object): unknown => [expect.objectContaining(values), []]
  expect(given).toEqual([
    all({ service: undefined, json: undefined, sku: undefined, currency: 'EUR', lines: 20 }),
    all({ 'dry-run': true, json: true, sku: ['A', '--B'], currency: 'EUR', lines: 3 }),
  ])
})

it('takes several numbers, and refuses one that is not whole', async () => {
  const options = { quantity: wholeNumbers('several', { from: 1 }) }
  const command = {
    brief: 'Tries.',
    options,
    run: async (values: { readonly quantity?: readonly number[] | undefined }) => void given.push(values.quantity),
  }
  await main('try', command, ['--quantity', '2', '--quantity=3'])
  await main('try', command, [])
  await main('try', command, ['--quantity', '2', '--quantity', '1.5'])
  expect([given, printedErrors]).toEqual([
    [[2, 3], undefined],
    ['--quantity "1.5": it takes a whole number from 1. See --help.'],
  ])
})

it('accepts the declared number of words', async () => {
  expect(await typed(['a', 'b'], 1)).toBe(1)
  expect(printedErrors).toEqual(['This command takes one word, and then options: "b" is one too many. See --help.'])
  expect(await typed([], 1)).toBe(0)
  expect(await typed(['a'], 1)).toBe(0)
  expect(await typed(['a', '--', '--b'], 2)).toBe(0)
  expect(given.map((all) => (all as [object, string[]])[1])).toEqual([[], ['a'], ['a', '--b']])
})

it('names each option in its help', async () => {
  const out = vi.spyOn(console, 'log').mockReturnValue(undefined)
  expect(await typed(['--help'], 1)).toBe(0)
  const help = String(out.mock.calls[0])
  expect(help).toMatch(
    /npm run try -- .*\[--dry-run\][\s\S]*Tries\.\n\nTwice\.[\s\S]*--lines.*how many.*20[\s\S]*WORD.*a word/,
  )
  expect(given).toEqual([])
})

it.each<[string, Record<string, string>, string[], string]>([
  ['a flag', { dry_run: 'true' }, [], '--dry-run'],
  ['an option with =', { service: 'orders' }, [], '--service orders'],
  ['a value, which npm made a word', { service: 'true' }, ['orders'], '--service orders'],
  ['a value with spaces', { service: 'true' }, ["it's back"], `--service 'it'\\''s back'`],
  [
    'values after words',
    { service: 'true', json: 'true' },
    ['replay', '4711', 'orders'],
    'replay 4711 --service orders --json',
  ],
  ['a value that is missing', { lines: 'true' }, ['orders'], 'orders --lines N'],
  [
    'options that repeat, in turns',
    { sku: 'true\n\ntrue', lines: 'true\n\ntrue' },
    ['TEA-001', '2', 'POT-001', '1'],
    '--sku TEA-001 --lines 2 --sku POT-001 --lines 1',
  ],
])('prints the line that was meant when npm consumed %s, because -- is missing', async (_, consumed, args, line) => {
  for (const [name, value] of Object.entries(consumed)) vi.stubEnv(`npm_config_${name}`, value)
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(await typed(args, 9)).toBe(1)
  expect(printedErrors).toEqual([
    expect.stringMatching(/^npm consumed --[\w-]+( and --[\w-]+)* itself .*: npm run try -- /),
  ])
  expect(printedErrors[0]!.split(': npm run try -- ')[1]).toBe(line)
  expect(given).toEqual([])
})

it('reads an option after -- even if npm has an option of that name', async () => {
  vi.stubEnv('npm_config_json', 'true')
  vi.stubEnv('npm_config_dry_run', 'false')
  vi.stubEnv('npm_config_service', '')
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(await typed(['--json'])).toBe(0)
  expect(given).toMatchObject([[{ json: true }, []]])
})

function dataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'running-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  vi.stubEnv('MILLRACE_DATA', directory)
  onTestFinished(() => void vi.unstubAllEnvs())
  return directory
}

it.each(['', '{"pid":', '[]', 'null'])('a damaged running.json fails with its path and the remedy: %j', (text) => {
  const directory = dataDirectory()
  const file = join(directory, 'running.json')
  writeFileSync(file, text)
  expect(findRunning()).toBeUndefined()
  onTestFinished(lockDirectory(directory))
  const damaged = `${file} is damaged: stop the Millrace that runs here, then run npm start again.`
  expect(findRunning).toThrow(new UsageError(damaged))
})

it('a killed platform does not run, even if another program has its process id', () => {
  const directory = dataDirectory()
  const unlock = announceIn(directory, { pid: process.pid })
  expect(findRunning()).toMatchObject({ pid: process.pid })
  unlock()
  expect(findRunning()).toBeUndefined()
})

it.each([
  ['the local platform', { code: 'ECONNREFUSED', address: '127.0.0.1' }, /^Millrace went away before it answered\./],
  [
    'a host of Google',
    { code: 'ENOTFOUND', hostname: 'secretmanager.googleapis.com' },
    /^secretmanager\.googleapis\.com can not be reached \(ENOTFOUND\): check the network/,
  ],
])('a command that does not reach %s names it', async (_, cause, message) => {
  const run = (): Promise<never> => Promise.reject(new TypeError('fetch failed', { cause }))
  await main('try', { brief: 'Tries.', about: 'Twice.', options: {}, run }, [])
  expect(printedErrors).toEqual([expect.stringMatching(message)])
  expect(process.exitCode).toBe(1)
})
