import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { logKeeper } from './logs.ts'

let directory: string
const path = (name: string): string => join(directory, name)

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'logs-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
})

it('writes the lines of each service in order to its own file, asynchronously, and all of them before it is closed', async () => {
  const logs = logKeeper(directory)
  for (let index = 0; index < 100; index++) {
    logs.write('orders', `o${index}`)
    logs.write('gateway', `g${index}`)
  }
  expect(existsSync(path('orders.log'))).toBe(false)
  await logs.close()
  const lines = Array.from({ length: 100 }, (_, index) => `o${index}`)
  expect(readFileSync(path('orders.log'), 'utf8').trimEnd().split('\n')).toEqual(lines)
  expect(readFileSync(path('gateway.log'), 'utf8')).toContain('g99\n')
  expect(statSync(path('orders.log')).mode & 0o777).toBe(0o600)
})

it('truncates a file before it exceeds its limit, which counts bytes and not characters', async () => {
  const line = 'ü'.repeat(49) // 99 bytes with its end
  const logs = logKeeper(directory, 250)
  for (let index = 0; index < 3; index++) {
    logs.write('orders', line)
    await logs.close()
  }
  expect(statSync(path('orders.log.1')).size).toBe(198)
  expect(statSync(path('orders.log')).size).toBe(99)
})

it('counts the bytes that an earlier run left in the file', async () => {
  for (const run of ['first', 'second', 'third']) {
    const logs = logKeeper(directory, 15)
    logs.write('orders', run)
    await logs.close()
  }
  expect(readFileSync(path('orders.log.1'), 'utf8')).toBe('first\nsecond\n')
  expect(readFileSync(path('orders.log'), 'utf8')).toBe('third\n')
})

it('drops lines beyond the limit of waiting lines, and writes how many', async () => {
  const logs = logKeeper(directory)
  const line = 'x'.repeat(1024 * 1024)
  for (let index = 0; index < 20; index++) logs.write('orders', line)
  await logs.close()
  const lines = readFileSync(path('orders.log'), 'utf8').trimEnd().split('\n')
  expect(lines.filter((one) => one === line)).toHaveLength(15)
  expect(lines.at(-1)).toBe('5 lines were dropped: the disk is too slow.')
})

it('keeps a file open for lines that follow within a second, and then makes one again that was moved by hand', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const logs = logKeeper(directory)
  const arrives = async (line: string, name: string): Promise<void> => {
    logs.write('orders', line)
    await vi.waitUntil(() => existsSync(path(name)) && readFileSync(path(name), 'utf8').endsWith(`${line}\n`))
  }
  await arrives('first', 'orders.log')
  renameSync(path('orders.log'), path('moved.log'))
  vi.advanceTimersByTime(900)
  await arrives('second', 'moved.log')
  expect(existsSync(path('orders.log'))).toBe(false)
  // One that is just being written is closed a second later.
  await vi.waitUntil(() => vi.advanceTimersByTime(1_000).getTimerCount() === 0)
  await arrives('third', 'orders.log')
  await logs.close()
})

it('writes on in the new file after it has truncated one that was open', async () => {
  const logs = logKeeper(directory, 15)
  for (const line of ['first', 'second', 'third']) {
    logs.write('orders', line)
    await vi.waitUntil(() => existsSync(path('orders.log')) && readFileSync(path('orders.log'), 'utf8').includes(line))
  }
  await logs.close()
  expect(readFileSync(path('orders.log.1'), 'utf8')).toBe('first\nsecond\n')
})

const open = (): readonly string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      // The one of this list itself.
      return []
    }
  })

it.runIf(process.platform === 'linux')('leaves no file open', async () => {
  const logs = logKeeper(directory, 15)
  for (const line of ['first', 'second', 'third']) {
    logs.write('orders', line)
    logs.write('gateway', line)
    await logs.close()
  }
  expect(open().filter((file) => file.startsWith(directory))).toEqual([])
})
