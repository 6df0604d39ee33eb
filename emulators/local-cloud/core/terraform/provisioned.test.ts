import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { removeUndeclared } from './provisioned.ts'

it.each(['', '[{"type":', '{}'])('a damaged list fails with its file name and the remedy: %j', async (text) => {
  const directory = mkdtempSync(join(tmpdir(), 'provisioned-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'provisioned.json')
  writeFileSync(file, text)
  await expect(removeUndeclared(file, [], { plugins: [], api: () => Promise.resolve() })).rejects.toThrow(
    `${file} is damaged: start with an empty state folder.`,
  )
})
