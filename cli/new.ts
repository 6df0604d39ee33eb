/** Generates a service, an event, a command, a query or an emulator that passes the check and its own tests. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { services } from '../functions/index.ts'
import { define, mainOf, text, UsageError } from './command.ts'
import { makeCommand } from './new/command.ts'
import { makeEmulator } from './new/emulator.ts'
import { makeEvent } from './new/event.ts'
import type { Existing, Generated, Read } from './new/generated.ts'
import { makeQuery } from './new/query.ts'
import { makeService } from './new/service.ts'
import { say } from './terminal.ts'

const root = join(import.meta.dirname, '..')
const read: Read = (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined)
const existing: Existing = { services, read }

const name = (brief: string) => ({ name: 'NAME', brief, max: 1 })

const service = define({
  brief: 'Generates a folder in functions/ and its number in functions/index.ts.',
  words: name('6 to 25 characters: my-service'),
  options: {
    on: text('EVENT,EVENT', 'events that it subscribes to'),
    emits: text('EVENT', 'an event that it publishes, generated with it'),
    public: text('ROLE,ROLE', 'makes it public: the roles of its callers, the ordinary one first'),
  },
  run: async ({ on, emits, public: roles }, [given]) =>
    write(
      makeService(
        { name: named(given, 'service'), on: listOf(on), emits, roles: roles === undefined ? roles : listOf(roles) },
        existing,
      ),
    ),
})

const event = define({
  brief: 'Generates the contract of an event.',
  words: name('points.granted'),
  options: { service: text('SERVICE', 'the service that owns it') },
  run: async ({ service: owner }, [given]) =>
    write(makeEvent({ type: named(given, 'event'), service: owner }, existing)),
})

const command = define({
  brief:
    'Generates a contract and a handler with a test, and adds the command to "sends" of the sender, or to "acceptsSubmitted" of its owner for a public one.',
  words: name('GrantPoints'),
  options: {
    service: text('SERVICE', 'the service that handles it'),
    'sent-by': text('SERVICE', 'the service that sends it, which may be the same'),
  },
  run: async ({ service: owner, 'sent-by': sentBy }, [given]) =>
    write(makeCommand({ name: named(given, 'command'), service: owner, sentBy }, existing)),
})

const query = define({
  brief:
    'Generates a contract and a handler with a test and frozen examples, and adds the query to "queries" of its asker.',
  words: name('readPoints'),
  options: {
    owner: text('SERVICE', 'the service that answers it'),
    'asked-by': text('SERVICE', 'the service that asks it; absent: name it there by hand'),
  },
  run: async ({ owner, 'asked-by': caller }, [given]) =>
    write(makeQuery({ name: named(given, 'query'), owner, caller }, existing)),
})

const emulator = define({
  brief: 'Generates a plugin of the local cloud with one kind of resource, and adds it to emulators/start.ts.',
  words: name('parameter-manager'),
  options: { resource: text('KIND', 'the kind of resource that it keeps, in the singular: parameter') },
  run: async ({ resource }, [given]) => write(makeEmulator({ name: named(given, 'emulator'), resource }, read)),
})

const about = 'Generates files that pass npm run check and their own tests, and registers them.'
void mainOf('new', about, { service, event, command, query, emulator })

function named(given: string | undefined, kind: string): string {
  if (given !== undefined) return given
  throw new UsageError(`The name of the ${kind} is missing: npm run new -- ${kind} NAME. See --help.`)
}

function listOf(option = ''): readonly string[] {
  const items = option.split(',').map((item) => item.trim())
  return [...new Set(items)].filter((item) => item !== '')
}

/** @throws Error when the formatter fails; the files remain for inspection. */
function write({ files, nextSteps }: Generated): void {
  for (const [path, text] of Object.entries(files)) {
    say(`${read(path) === undefined ? 'created' : 'changed'} ${path}`)
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const oxfmt = join(root, 'node_modules', 'oxfmt', 'bin', 'oxfmt')
  const { status, stderr } = spawnSync(process.execPath, [oxfmt, ...Object.keys(files)], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`oxfmt could not format the generated files: ${stderr}`)
  say('')
  for (const [index, step] of nextSteps.entries()) say(`${index + 1}. ${step}`)
}
