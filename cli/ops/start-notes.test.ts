/** The lines of a waiting command about services that do not start. */

import { expect, it } from 'vitest'
import type { Running } from '../command.ts'
import { startNotes } from './start-notes.ts'

const running = {} as Running

it('each reason is printed once, and a new one again', async () => {
  const states = [
    [],
    ['seats does not start: x'],
    ['seats does not start: x'],
    ['seats does not start: y', 'halls does not start: z'],
  ]
  const lines: string[] = []
  const print = startNotes(
    running,
    (line) => lines.push(line),
    () => Promise.resolve(states.shift()!),
  )
  for (const count of [0, 1, 1, 3]) {
    await print()
    expect(lines).toHaveLength(count)
  }
  expect(lines.slice(1)).toEqual(['seats does not start: y', 'halls does not start: z'])
})

it('a platform that does not answer is no failure of the command', async () => {
  const lines: string[] = []
  const print = startNotes(
    running,
    (line) => lines.push(line),
    () => Promise.reject(new Error('fetch failed')),
  )
  await expect(print()).resolves.toBeUndefined()
  expect(lines).toEqual([])
})
