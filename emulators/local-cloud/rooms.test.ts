/** The linter refuses import cycles of files; these tests refuse cycles of folders: `pubsub/api` imports `pubsub/delivery`, not the reverse. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const files = readdirSync(import.meta.dirname, { encoding: 'utf8', recursive: true }).filter((file) =>
  /^(?!node_modules).+\/.+(?<!\.test|\.testing)\.ts$/.test(file),
)

/** A file's folder within its emulator; a file in the emulator's own folder counts as a folder of its own. */
const roomOf = (file: string): string => (dirname(file).includes('/') ? dirname(file) : file)

/** The folders that the files of each folder import, types included. */
function importsOfRooms(): Map<string, Set<string>> {
  const rooms = new Map<string, Set<string>>()
  for (const file of files) {
    const from = roomOf(file)
    const imported = rooms.get(from) ?? new Set()
    rooms.set(from, imported)
    for (const [, path] of readFileSync(join(import.meta.dirname, file), 'utf8').matchAll(/ from '(\.[^']+)'/g)) {
      const to = roomOf(normalize(join(dirname(file), path!)))
      if (to !== from) imported.add(to)
    }
  }
  return rooms
}

function circleIn(rooms: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined {
  const finished = new Set<string>()
  const visit = (room: string, way: readonly string[]): readonly string[] | undefined => {
    if (way.includes(room)) return [...way.slice(way.indexOf(room)), room]
    if (finished.has(room)) return undefined
    for (const next of rooms.get(room) ?? []) {
      const circle = visit(next, [...way, room])
      if (circle) return circle
    }
    finished.add(room)
    return undefined
  }
  for (const room of rooms.keys()) {
    const circle = visit(room, [])
    if (circle) return circle
  }
  return undefined
}

it('folders of an emulator have no import cycle', () => {
  const rooms = importsOfRooms()
  expect(rooms.get('pubsub/api')).toContain('pubsub/delivery')
  expect(circleIn(rooms)).toBeUndefined()
})

it('an import cycle of folders is detected', () => {
  const rooms = importsOfRooms()
  rooms.get('pubsub/delivery')!.add('pubsub/api')
  expect(circleIn(rooms)).toEqual(expect.arrayContaining(['pubsub/delivery', 'pubsub/api']))
})

it('no file names the platform that uses it, or a command of it', () => {
  const sources = readdirSync(import.meta.dirname, { encoding: 'utf8', recursive: true }).filter(
    (file) => /^(?!node_modules).*\.(ts|proto|txt|json)$/.test(file) && file !== 'rooms.test.ts',
  )
  expect(sources).toContain('core/run-secret.ts')
  const found = sources.filter((file) =>
    /millrace|npm run|npm start/i.test(readFileSync(join(import.meta.dirname, file), 'utf8')),
  )
  expect(found).toEqual([])
})

/** Those of more than one source file: the smallest are a `plugin.ts`, as `npm run new -- emulator` makes it. */
const emulators = readdirSync(import.meta.dirname).filter(
  (name) =>
    !['core', 'scripts'].includes(name) &&
    files.some((file) => file.startsWith(`${name}/`) && file !== `${name}/plugin.ts`),
)

describe.each(emulators)('the emulator %s', (emulator) => {
  it.each([
    ['its methods', 'api'],
    ['its state machine', 'core.ts'],
    ['its IAM facts', 'iam.ts'],
    ['the permissions of its methods', 'permissions.ts'],
    ['its features, refusals and differences from Google', 'README.md'],
  ])('has %s in %s', (_, path) => {
    expect(existsSync(join(import.meta.dirname, emulator, path))).toBe(true)
  })
})
