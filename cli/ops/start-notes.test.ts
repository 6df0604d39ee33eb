/** The lines of a waiting command about services that do not start. */

import { expect, it } from 'vitest'
import { startNotes } from './start-notes.ts'

it('each reason is noted once, and a new one again', async () => {
  const states = [
    [],
    ['seats does not start: x'],
    ['seats does not start: x'],
    ['seats does not start: y', 'halls does not start: z'],
  ]
  const notes: string[] = []
  const note = startNotes(
    () => Promise.resolve(states.shift()!),
    (line) => notes.push(line),
  )
  for (const count of [0, 1, 1, 3]) {
    await note()
    expect(notes).toHaveLength(count)
  }
  expect(notes.slice(1)).toEqual(['seats does not start: y', 'halls does not start: z'])
})

it('a platform that does not answer is no failure of the command', async () => {
  const notes: string[] = []
  const note = startNotes(
    () => Promise.reject(new Error('fetch failed')),
    (line) => notes.push(line),
  )
  await expect(note()).resolves.toBeUndefined()
  expect(notes).toEqual([])
})
