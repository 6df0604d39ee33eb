import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { UsageError } from './command.ts'
import { makeCommand } from './new/command.ts'
import { inCall, keysOf, inVariable, withImport, withItem } from './new/edit.ts'
import { makeEmulator } from './new/emulator.ts'
import { makeEvent } from './new/event.ts'
import type { Existing, Read } from './new/generated.ts'
import { makeQuery } from './new/query.ts'
import { makeService } from './new/service.ts'
import { theatre, theatreFiles } from './theatre.testing.ts'

const root = join(import.meta.dirname, '..')
/** The business with its tests is the theatre; shared/ and the emulators are those of the working copy. */
const read: Read = (path) => {
  if (/^(functions|test)\//.test(path)) return theatreFiles[path]
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined
}
const existing: Existing = { services: theatre, read }
const service = (name: string, options: { on?: readonly string[]; emits?: string; roles?: readonly string[] } = {}) =>
  makeService({ name, on: [], ...options }, existing)

function refusal(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  throw new Error('It was made.')
}

describe('a refusal names the value and the remedy', () => {
  it.each([
    ['a service of 5 characters', () => service('short'), /"short" can't name a service.*6 to 25/],
    ['of 26', () => service('a'.repeat(26)), /6 to 25/],
    ['with a capital letter', () => service('Loyalty'), /"Loyalty".*lower-case letters/],
    ['that ends with a hyphen', () => service('loyalty-'), /the last no hyphen/],
    ['a reserved word of JavaScript', () => service('export'), /"export".*reserved word of TypeScript/],
    ['a service that exists', () => service('tickets'), /"tickets" exists already/],
    ['whose account is the push account of another', () => service('tickets-push'), /"tickets-push" exists already/],
    ["whose account is the operators'", () => service('operations'), /"operations" exists already/],
    ['whose name is a variable of the list', () => service('services'), /functions\/index\.ts.*"services" already/],
    ["whose table is the runtime's", () => service('runtime'), /"runtime" exists already/],
    ['whose stack is the observability stack', () => service('observability'), /stack "observability" exists already/],
    ['that the generated files import', () => service('implement'), /"implement".*import something of that name/],
    ['whose dead letters are those of BigQuery', () => service('bigquery'), /"bigquery" exists already/],
    [
      'that subscribes to an unknown event',
      () => service('loyalty', { on: ['seat.lost'] }),
      /"seat\.lost".*seat\.taken/,
    ],
    [
      'an event that exists',
      () => service('loyalty', { emits: 'seat.taken' }),
      /seat\.taken exists already: seating owns it/,
    ],
    [
      'a public service without roles',
      () => service('shopfront', { roles: [] }),
      /--public names no role.*member,editor/,
    ],
    ['a role with a capital letter', () => service('shopfront', { roles: ['Guest'] }), /"Guest".*lower-case/],
    ['a role with the name of a limit', () => service('shopfront', { roles: ['address'] }), /"address".*limits/],
    [
      'a public service that subscribes',
      () => service('shopfront', { on: ['seat.taken'], roles: ['guest'] }),
      /No message reaches a public service.*--on/,
    ],
    [
      'a public service that publishes',
      () => service('shopfront', { emits: 'door.opened', roles: ['guest'] }),
      /owns none.*--emits/,
    ],
    [
      'an event without a dot',
      () => makeEvent({ type: 'granted', service: 'tickets' }, existing),
      /"granted".*"points\.granted"/,
    ],
    [
      'an event of a public service',
      () => makeEvent({ type: 'edge.opened', service: 'front-desk' }, existing),
      /front-desk is public.*internal service/,
    ],
    [
      'a command of a public service',
      () => makeCommand({ name: 'OpenEdge', service: 'front-desk', sentBy: 'tickets' }, existing),
      /front-desk is public.*internal service/,
    ],
    [
      'an event of the runtime',
      () => makeEvent({ type: 'saga.stuck', service: 'tickets' }, existing),
      /runtime owns it/,
    ],
    [
      'no owner',
      () => makeEvent({ type: 'points.granted', service: undefined }, existing),
      /--service is missing.*front-desk/,
    ],
    [
      'an owner that does not exist',
      () => makeEvent({ type: 'points.granted', service: 'tikets' }, existing),
      /"tikets".*tickets/,
    ],
    [
      'a command in lower case',
      () => makeCommand({ name: 'grant', service: 'tickets', sentBy: 'tickets' }, existing),
      /"grant".*"GrantPoints"/,
    ],
    [
      'a command that exists',
      () => makeCommand({ name: 'TakeSeat', service: 'tickets', sentBy: 'tickets' }, existing),
      /seating owns it/,
    ],
    [
      'a command of the runtime',
      () => makeCommand({ name: 'RepublishEvents', service: 'tickets', sentBy: 'tickets' }, existing),
      /the runtime owns it/,
    ],
    [
      'no sender',
      () => makeCommand({ name: 'GrantPoints', service: 'tickets', sentBy: undefined }, existing),
      /--sent-by is missing/,
    ],
    [
      'a service without streams',
      () => makeCommand({ name: 'GrantPoints', service: 'posters', sentBy: 'tickets' }, existing),
      /posters has no streams.*functions\/posters\/service\.ts/,
    ],
    [
      'a query with a capital letter',
      () => makeQuery({ name: 'ReadSeat', owner: 'seating', caller: 'tickets' }, existing),
      /"ReadSeat".*"readPoints"/,
    ],
    [
      'a query that the generated files import',
      () => makeQuery({ name: 'testPlatform', owner: 'seating', caller: 'tickets' }, existing),
      /"testPlatform".*import something of that name/,
    ],
    [
      'a query of no owner',
      () => makeQuery({ name: 'readSeat', owner: undefined, caller: 'tickets' }, existing),
      /--owner is missing.*seating/,
    ],
    [
      'a query of a public service',
      () => makeQuery({ name: 'readSeat', owner: 'front-desk', caller: 'tickets' }, existing),
      /front-desk is public.*internal service/,
    ],
    [
      'a query that its owner asks',
      () => makeQuery({ name: 'readSeat', owner: 'seating', caller: 'seating' }, existing),
      /seating needs no query.*--asked-by/,
    ],
    [
      'a query of a service that records no event',
      () => makeQuery({ name: 'readPoster', owner: 'posters', caller: 'tickets' }, existing),
      /posters records no event.*npm run new -- event NAME --service posters/,
    ],
    [
      'an emulator that exists',
      () => makeEmulator({ name: 'pubsub', resource: 'topic' }, read),
      /pubsub\/plugin\.ts exists already/,
    ],
    [
      'an emulator with a capital letter',
      () => makeEmulator({ name: 'PubSub', resource: 'topic' }, read),
      /"PubSub".*"parameter-manager"/,
    ],
    [
      'an emulator whose name start.ts declares',
      () => makeEmulator({ name: 'plan', resource: 'widget' }, read),
      /start\.ts.*"plan" already/,
    ],
    [
      'an emulator with the name of another export',
      () => makeEmulator({ name: 'host', resource: 'widget' }, read),
      /host\.ts exists already/,
    ],
    ...['policy', 'name', 'resource', 'class', 'project'].map((resource): [string, () => unknown, RegExp] => [
      `a kind of resource whose name "${resource}" the generated files use`,
      () => makeEmulator({ name: 'parameter-manager', resource }, read),
      /can't name a kind of resource.*--resource/,
    ]),
    [
      'an unknown kind of resource',
      () => makeEmulator({ name: 'parameter-manager', resource: undefined }, read),
      /--resource is missing/,
    ],
  ])('%s', (_, make, message) => {
    expect(refusal(make)).toMatch(message)
  })

  it('an unexpected form of an edited file is reported with the manual edit', () => {
    const otherForm: Read = (path) => (path === 'functions/index.ts' ? 'export const services = []' : read(path))
    expect(
      refusal(() => makeService({ name: 'loyalty', on: [], emits: undefined }, { ...existing, read: otherForm })),
    ).toMatch(/functions\/index\.ts can't be edited.*nothing was changed.*docs\/add-a-service\.md by hand/)
  })
})

describe('generated code imports only existing exports', () => {
  it.each([
    ['a service', () => service('loyalty', { on: ['seat.taken', 'saga.stuck'], emits: 'points.granted' })],
    ['a service that publishes nothing', () => service('loyalty', { on: ['ticket.sold'] })],
    ['a service without events and commands', () => service('loyalty')],
    ['a public service', () => service('shopfront', { roles: ['guest', 'usher'] })],
    ['an event', () => makeEvent({ type: 'points.granted', service: 'tickets' }, existing)],
    ['a command', () => makeCommand({ name: 'GrantPoints', service: 'seating', sentBy: 'tickets' }, existing)],
    ['a query', () => makeQuery({ name: 'readSeat', owner: 'seating', caller: 'tickets' }, existing)],
    // Not the emulator of the documents, which may exist in a working copy.
    ['an emulator', () => makeEmulator({ name: 'sample-store', resource: 'sample' }, read)],
  ])('%s', (_, make) => {
    const { files } = make()
    const textOf: Read = (path) => files[path] ?? read(path)
    const missing = Object.entries(files)
      .filter(([path]) => path.endsWith('.ts'))
      .flatMap(([path, text]) =>
        parseSync(path, text).module.staticImports.flatMap(({ moduleRequest: { value: module }, entries }) => {
          if (!module.startsWith('.')) return []
          const target = posix.join(posix.dirname(path), module)
          const exported = exportsIn(textOf(target) ?? '')
          return entries
            .map(({ importName }) => importName.name ?? '')
            .filter((name) => !exported.includes(name))
            .map((name) => `${path}: ${name} of ${target}`)
        }),
      )
    expect(missing).toEqual([])
  })

  const exportsIn = (text: string): readonly string[] =>
    parseSync('program.ts', text).module.staticExports.flatMap(({ entries }) =>
      entries.map(({ exportName }) => exportName.name ?? ''),
    )
})

it('a public service has the roles and says where their limits are given', () => {
  const { files, nextSteps } = service('shopfront', { roles: ['guest', 'usher'] })
  const written = files['functions/shopfront/roles.ts']
  expect(written).toContain("{ ordinary: 'guest', privileged: ['usher'] }")
  expect(written).toContain("{ everyone: [], privileged: ['usher'] }")
  expect(written).toContain("apisFor<'guest' | 'usher', keyof typeof access>()")
  expect(nextSteps.join(' ')).toMatch(/EDGE its limits in functions\/index\.ts, for guest, usher, address/)
})

it('a command from a public service is submitted to its owner: the sender gets no rights on a queue', () => {
  const { files } = makeCommand({ name: 'GrantPoints', service: 'tickets', sentBy: 'front-desk' }, existing)
  expect(Object.keys(files).filter((path) => path.startsWith('functions/front-desk/'))).toEqual([])
  expect(files['functions/tickets/service.ts']).toMatch(/acceptsSubmitted: \['SellTicket', 'GrantPoints'\]/)
  const first = makeCommand({ name: 'GrantPoints', service: 'seating', sentBy: 'front-desk' }, existing)
  expect(first.files['functions/seating/service.ts']).toContain("acceptsSubmitted: ['GrantPoints']")
})

it('a query is listed at the service that asks it, with the contracts of its owner, and nowhere without one', () => {
  const { files } = makeQuery({ name: 'readSeat', owner: 'seating', caller: 'tickets' }, existing)
  expect(files['functions/tickets/service.ts']).toMatch(/queries: \['readSeat'\]/)
  expect(files['functions/tickets/service.ts']).toMatch(/uses: \[seatingContracts\]/)
  const alone = makeQuery({ name: 'readSeat', owner: 'seating', caller: undefined }, existing)
  expect(Object.keys(alone.files).filter((path) => !path.startsWith('functions/seating/'))).toEqual([])
  expect(alone.nextSteps.join(' ')).toContain('a query that no service asks fails npm test')
})

it('a query is added to the test of stored data, where the project has one', () => {
  const file = 'test/architecture/stored-data.test.ts'
  const withTest: Read = (path) => (path === file ? 'const reads = { readHall: hall }\n' : read(path))
  const made = makeQuery({ name: 'readSeat', owner: 'seating', caller: undefined }, { ...existing, read: withTest })
  expect(keysOf(made.files[file]!, inVariable('reads'))).toEqual(['readHall', 'readSeat'])
})

it('a generated test takes its data from the contracts, so that a further field changes the example alone', () => {
  const made = [
    makeService({ name: 'loyalty', on: ['seat.taken'], emits: 'points.granted' }, existing),
    makeCommand({ name: 'GrantPoints', service: 'tickets', sentBy: 'seating' }, existing),
    makeQuery({ name: 'readSeat', owner: 'seating', caller: undefined }, existing),
  ]
  const tests = made.flatMap(({ files }) => Object.entries(files).filter(([path]) => path.endsWith('.test.ts')))
  expect(tests).toHaveLength(3)
  for (const [, text] of tests) {
    expect(text).toMatch(/\bexample\b/)
    expect(text).not.toMatch(/data: \{ \w+: ['"]|\{ id: 'id-1' \}/)
  }
})

it('a command is handled where the others are, with the imports that its handler needs', () => {
  const { files } = makeCommand({ name: 'GrantPoints', service: 'tickets', sentBy: 'seating' }, existing)
  expect(files['functions/tickets/app.ts']).toContain("import type { ticketsContracts } from './contracts.ts'")
  expect(keysOf(files['functions/tickets/app.ts']!, inCall('implement', 'commands'))).toEqual(['GrantPoints'])
})

it('a service gets the number after the highest, even if a lower one is free', () => {
  const { files } = makeService({ name: 'loyalty', on: [], emits: undefined }, existing)
  expect(keysOf(files['functions/index.ts']!, inVariable('numberedServices')).at(-1)).toBe('5')
})

it('the first service of a business gets the number 0', () => {
  const empty: Read = (path) => (path === 'functions/index.ts' ? 'const numberedServices = {}\n' : read(path))
  const { files } = makeService({ name: 'loyalty', on: [], emits: undefined }, { services: [], read: empty })
  expect(keysOf(files['functions/index.ts']!, inVariable('numberedServices'))).toEqual(['0'])
})

describe('an edit', () => {
  const list = inVariable('list')

  it.each([
    ['const list = []', 'const list = [x]'],
    ['const list = [a]', 'const list = [a, x]'],
    ['const list = [\n  a, // why\n]', 'const list = [\n  a, x, // why\n]'],
    ['const list = { a: [1] }', 'const list = { a: [1], x }'],
  ])('adds to %j', (before, after) => {
    expect(withItem(before, list, 'x')).toBe(after)
  })

  it('adds an import once, in alphabetical order', () => {
    const text = "import { z } from 'zod'\nimport { a } from './a.ts'\nimport { c } from './c.ts'\n"
    const once = withImport(text, 'b', './b.ts')
    expect(once).toBe(text.replace('import { c }', "import { b } from './b.ts'\nimport { c }"))
    expect(withImport(once, 'b', './b.ts')).toBe(once)
    expect(withImport(once, 'd', './c.ts')).toContain("import { c, d } from './c.ts'")
  })

  it('leaves type imports unchanged', () => {
    expect(withImport("import type { A } from './a.ts'\n", 'b', './a.ts')).toBe(
      "import type { A } from './a.ts'\nimport { b } from './a.ts'\n",
    )
  })
})
