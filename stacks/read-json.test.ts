import { expect, it } from 'vitest'
import { readJson } from './read-json.ts'

it('a file that is no JSON is named, without the stack of a program', () => {
  const read = (): unknown => readJson('images.json', '{ "prod": ')
  expect(read).toThrow(/^stacks\/images\.json is not JSON: .*JSON.* Correct it, or restore it from git\.$/)
  expect(read).toThrow(expect.objectContaining({ stack: expect.not.stringContaining('\n') as string }) as Error)
  expect(readJson<Record<string, string>>('images.json')).toHaveProperty('prod')
})
