/** Makes a service, an event, a command or an emulator that passes the check and its tests at once. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { main, UsageError } from './command.ts'
import { makeCommand } from './new/command.ts'
import { makeEmulator } from './new/emulator.ts'
import { makeEvent } from './new/event.ts'
import type { Made, Read } from './new/made.ts'
import { makeService } from './new/service.ts'
import { say } from './terminal.ts'

const usage = `
npm run new -- service NAME [--on EVENT,EVENT] [--emits EVENT]
npm run new -- event NAME --service SERVICE
npm run new -- command NAME --service SERVICE --sent-by SERVICE
npm run new -- emulator NAME --resource KIND

Makes files that pass npm run check and their own tests, and adds the lines that name them.

  service    a folder in functions/ and its number in functions/index.ts; NAME has 6 to 25 characters: loyalty
      --on         events that it subscribes to, separated by commas
      --emits      an event that it publishes, which is made with it
  event      a contract with its frozen example, in "emits" of its owner: points.granted
      --service    the service that owns it
  command    a contract, a handler with a test, in "accepts" and "sends": GrantPoints
      --service    the service that performs it
      --sent-by    the service that sends it, which may be the same
  emulator   a plugin of the local cloud with one kind of resource, and its line in emulators/start.ts: secret-manager
      --resource   the kind of resource that it keeps, in the singular: secret
`

const root = join(import.meta.dirname, '..')
const read: Read = (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined)

const optionsOf: Readonly<Record<string, readonly string[]>> = {
  service: ['on', 'emits'],
  event: ['service'],
  command: ['service', 'sent-by'],
  emulator: ['resource'],
}

void main({
  usage,
  words: 2,
  options: {
    on: { type: 'string' },
    emits: { type: 'string' },
    service: { type: 'string' },
    'sent-by': { type: 'string' },
    resource: { type: 'string' },
  },
  async run({ on, emits, service, 'sent-by': sentBy, resource }, [kind = '', name]) {
    const allowed = optionsOf[kind]
    if (!allowed)
      throw new UsageError(`Say what to make: ${Object.keys(optionsOf).join(', ')}, not "${kind}". --help shows how.`)
    if (name === undefined)
      throw new UsageError(`Give the ${kind} a name: npm run new -- ${kind} NAME. --help shows how.`)
    const given = Object.entries({ on, emits, service, 'sent-by': sentBy, resource })
    const superfluous = given.find(([option, value]) => value !== undefined && !allowed.includes(option))
    if (superfluous)
      throw new UsageError(`--${superfluous[0]} is not for ${kind}: that takes --${allowed.join(', --')}.`)

    if (kind === 'service') write(makeService({ name, on: listOf(on), emits }, read))
    else if (kind === 'event') write(makeEvent({ type: name, service }, read))
    else if (kind === 'command') write(makeCommand({ name, service, sentBy }, read))
    else write(makeEmulator({ name, resource }, read))
  },
})

function listOf(option = ''): readonly string[] {
  const items = option.split(',').map((item) => item.trim())
  return [...new Set(items)].filter((item) => item !== '')
}

/** @throws Error when the formatter fails: what was written is there to be looked at. */
function write({ files, next }: Made): void {
  for (const [path, text] of Object.entries(files)) {
    say(`${read(path) === undefined ? 'made   ' : 'changed'} ${path}`)
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const oxfmt = join(root, 'node_modules', 'oxfmt', 'bin', 'oxfmt')
  const { status, stderr } = spawnSync(process.execPath, [oxfmt, ...Object.keys(files)], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`oxfmt could not format what was made: ${stderr}`)
  say('')
  for (const [index, step] of next.entries()) say(`${index + 1}. ${step}`)
}
