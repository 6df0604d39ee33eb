import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import type { Journal } from './journal.ts'
import { createLocalCloud } from './local-cloud.ts'
import type { Plugin } from './plugin.ts'

const project = { id: 'p', number: '1', region: 'europe-west1' }
let closed: string[]
let journal: Journal
let dataDir: string

beforeEach(() => {
  closed = []
  dataDir = mkdtempSync(join(tmpdir(), 'local-cloud-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true }))
})

const plugin = (name: string, life: { closeFails?: boolean; startFails?: boolean } = {}): Plugin => ({
  name,
  terraform: {},
  create(context) {
    ;({ journal } = context)
    return {
      core: {},
      start: () => (life.startFails ? Promise.reject(new Error(`${name} does not start`)) : Promise.resolve()),
      close() {
        closed.push(name)
        return life.closeFails ? Promise.reject(new Error(`${name} does not close`)) : Promise.resolve()
      },
    }
  },
})

it('closes every plugin also when some fail to close, and names those', async () => {
  const plugins = [plugin('a'), plugin('b', { closeFails: true }), plugin('c', { closeFails: true })]
  const { close, ownerHost } = await createLocalCloud({ plugins, project, dataDir })
  const closesJournal = vi.spyOn(journal, 'close')
  await expect(close()).rejects.toThrow(/c does not close\n.*b does not close/)
  expect(closed).toEqual(['c', 'b', 'a'])
  await expect(fetch(`http://${ownerHost}/_local/health`)).rejects.toThrow('fetch failed')
  expect(closesJournal).toHaveBeenCalledTimes(1)
})

it('rejects with the error of the start, not with the error of the closing after it', async () => {
  const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => reported.mockRestore())
  const plugins = [plugin('a', { closeFails: true }), plugin('b', { startFails: true })]
  await expect(createLocalCloud({ plugins, project, dataDir })).rejects.toThrow('b does not start')
  expect(closed).toEqual(['b', 'a'])
  expect(String(reported.mock.calls[0]![0])).toContain('a does not close')
})
