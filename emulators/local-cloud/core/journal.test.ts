import { spawn } from 'node:child_process'
import fs, {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { syncBuiltinESMExports } from 'node:module'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { openJournal } from './journal.ts'

let directory: string
const file = (): string => join(directory, 'journal.jsonl')
/** The files as the next process finds them after a kill. */
const reopened = () => openJournal({ directory })
function reports() {
  onTestFinished(() => void vi.restoreAllMocks())
  return vi.spyOn(console, 'error').mockImplementation(() => {})
}

beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'journal-'))))
afterEach(() => rmSync(directory, { recursive: true }))

describe('a journal', () => {
  it('restores set, changed and deleted values when it is reopened', () => {
    const journal = openJournal({ directory })
    const topics = journal.table<{ labels: string[] }>('pubsub/topics')
    topics.set('a', { labels: ['é\n"'] })
    topics.set('b', { labels: [] })
    topics.set('b', { labels: ['changed'] })
    topics.set('c', { labels: [] })
    expect(topics.delete('c')).toBe(true)
    expect(topics.delete('c')).toBe(false)
    journal.table<number>('pubsub/ids').set('a', 7)
    journal.flush()

    const again = reopened()
    expect([...again.table('pubsub/topics').entries()]).toEqual([
      ['a', { labels: ['é\n"'] }],
      ['b', { labels: ['changed'] }],
    ])
    expect(again.table('pubsub/ids').get('a')).toBe(7)
    journal.close()
    again.close()
  })

  it('writes nothing to disk without a directory', () => {
    const journal = openJournal()
    journal.table('t').set('a', 1)
    journal.flush()
    expect(journal.table('t').get('a')).toBe(1)
    expect(openJournal().table('t').size).toBe(0)
  })

  it('writes changes without a flush in the same turn of the event loop', async () => {
    const journal = openJournal({ directory })
    journal.table('t').set('a', 1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(readFileSync(file(), 'utf8')).toContain('["t","a",1]')
    journal.close()
  })

  it('drops a torn last line, and appends after it', () => {
    const journal = openJournal({ directory })
    journal.table('t').set('a', 1)
    journal.close()
    appendFileSync(file(), '[["t","a",2],["t","b",')

    const reported = reports()
    const after = reopened()
    expect(reported).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(`${file()} ended within a change`))
    expect([...after.table('t').entries()]).toEqual([['a', 1]])
    after.table('t').set('c', 3)
    after.close()
    const last = reopened()
    expect([...last.table('t').entries()]).toEqual([
      ['a', 1],
      ['c', 3],
    ])
    last.close()
  })

  it('names a log that was emptied, and no unused one', () => {
    const reported = reports()
    openJournal({ directory }).close()
    reopened().close()
    expect(reported).not.toHaveBeenCalled()
    truncateSync(file())
    reopened().close()
    expect(reported).toHaveBeenCalledExactlyOnceWith(
      `${file()} is empty. If it had content, begin with an empty state folder.`,
    )
  })

  it.each(['not json', '{"t":1}', '["t","a",1]'])(
    'fails to open with the file and the number of a damaged line: %s',
    (line) => {
      writeFileSync(file(), `[["t","a",1]]\n${line}\n[["t","b",1]]\n`)
      expect(reopened).toThrow(`${file()} is damaged in line 2`)
    },
  )

  it('fails to open with the name of what is no file', () => {
    mkdirSync(file())
    expect(reopened).toThrow(`${file()} is damaged (EISDIR: illegal operation on a directory, read)`)
  })

  it('is compacted when it exceeds its limit, while it is open and when it is opened', () => {
    const compactAboveBytes = 10_000
    const journal = openJournal({ directory, compactAboveBytes })
    const table = journal.table<string>('t')
    for (let round = 0; round < 1000; round++) {
      table.set('same', `${round} ${'x'.repeat(100)}`)
      table.set(`kept ${round % 10}`, 'y')
      journal.flush()
      expect(statSync(file()).size).toBeLessThan(compactAboveBytes + 500)
    }
    journal.close()
    const again = openJournal({ directory, compactAboveBytes: 1 })
    expect(again.table('t').size).toBe(11)
    expect(again.table<string>('t').get('same')).toMatch(/^999 x/)
    expect(statSync(file()).size).toBeLessThan(500)
    again.close()
  })

  it('reads lines that are longer than a chunk', () => {
    const journal = openJournal({ directory })
    const long = 'ä'.repeat(1_500_000)
    journal.table('t').set('long', long)
    journal.flush()
    for (let index = 0; index < 30_000; index++) journal.table('u').set(String(index), index)
    journal.close()
    const again = reopened()
    expect(again.table('t').get('long')).toBe(long)
    expect(again.table('u').get('29999')).toBe(29_999)
    again.close()
  })
})

/** Fills the disk until the returned function is called: a write stores only its first bytes. */
function fillDisk(roomBytes: number): () => void {
  const { writeSync } = fs
  vi.spyOn(fs, 'writeSync').mockImplementation((descriptor, bytes) => {
    writeSync(descriptor, (bytes as unknown as Buffer).subarray(0, roomBytes))
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  })
  syncBuiltinESMExports()
  const free = (): void => {
    vi.restoreAllMocks()
    syncBuiltinESMExports()
  }
  onTestFinished(free)
  return free
}

describe('a write that fails', () => {
  it.each([0, 7])('rejects the flush, and the next write includes its changes: %i bytes were written', (roomBytes) => {
    const journal = openJournal({ directory })
    const table = journal.table<number>('t')
    table.set('before', 1)
    journal.flush()
    const free = fillDisk(roomBytes)
    table.set('a', 1)
    table.set('b', 2)
    expect(() => journal.flush()).toThrow(`${file()} can't be written (ENOSPC: no space left on device, write)`)
    table.delete('before')
    expect(() => journal.flush()).toThrow('make room on its disk')
    free()
    table.set('after', 3)
    journal.flush()
    const again = reopened()
    expect([...again.table('t').entries()]).toEqual([
      ['a', 1],
      ['b', 2],
      ['after', 3],
    ])
    again.close()
    journal.close()
  })

  it('is reported when no flush waits for it, and the next change writes the lost ones', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
    const journal = openJournal({ directory })
    const free = fillDisk(3)
    journal.table('t').set('a', 1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(reported).toHaveBeenCalledWith(expect.objectContaining({ message: expect.stringContaining(file()) }))
    free()
    journal.table('t').set('b', 2)
    await new Promise((resolve) => setImmediate(resolve))
    expect(readFileSync(file(), 'utf8')).toBe('[]\n[["t","a",1],["t","b",2]]\n')
    journal.close()
  })

  it('does not keep close from closing the file', () => {
    const journal = openJournal({ directory })
    fillDisk(0)
    journal.table('t').set('a', 1)
    expect(() => journal.close()).toThrow("can't be written")
    journal.table('t').set('b', 1)
    expect(() => journal.flush()).not.toThrow()
  })
})

describe('a compaction that fails', () => {
  it('leaves the log usable, and is retried', () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => void vi.restoreAllMocks())
    const compactAboveBytes = 1_000
    const journal = openJournal({ directory, compactAboveBytes })
    const table = journal.table<string>('t')
    const write = (count: number): void => {
      for (let index = 0; index < count; index++) {
        table.set('same', `${index} ${'x'.repeat(100)}`)
        journal.flush()
      }
    }
    mkdirSync(join(`${file()}.new`, 'in the way'), { recursive: true })
    write(15)
    expect(reported).toHaveBeenCalledTimes(1)
    expect(statSync(file()).size).toBeGreaterThan(compactAboveBytes)
    const meanwhile = reopened()
    expect(meanwhile.table('t').get('same')).toMatch(/^14 x/)
    meanwhile.close()
    rmSync(`${file()}.new`, { recursive: true })
    write(15)
    expect(statSync(file()).size).toBeLessThan(compactAboveBytes)
    journal.close()
    const again = reopened()
    expect(again.table('t').get('same')).toMatch(/^14 x/)
    again.close()
  })
})

describe('a process killed by SIGKILL', () => {
  it('restores every acknowledged change, and each batch as a whole or not at all', async () => {
    const journalFile = JSON.stringify(new URL('journal.ts', import.meta.url).href)
    // Not console.log: the event loop writes the output that exceeds the pipe, and this loop never returns to it.
    const program = `
      const { writeSync } = await import('node:fs')
      const { openJournal } = await import(${journalFile})
      const journal = openJournal({ directory: ${JSON.stringify(directory)}, compactAboveBytes: 200_000 })
      const filler = 'x'.repeat(2000)
      for (let n = 1; ; n++) {
        journal.table('left').set(String(n % 50), { n, filler })
        journal.table('right').set(String(n % 50), { n, filler })
        journal.flush()
        writeSync(1, n + '\\n')
      }`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)))
    let acknowledged = 0
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line)
      if (acknowledged >= 500) child.kill('SIGKILL')
    }
    expect(await ended).toBe('SIGKILL')
    expect(acknowledged).toBeGreaterThanOrEqual(500)

    const journal = reopened()
    const [left, right] = ['left', 'right'].map((name) =>
      [...journal.table<{ n: number }>(name).values()].map(({ n }) => n).toSorted((a, b) => a - b),
    )
    expect(left).toEqual(right)
    expect(left!.at(-1)).toBeGreaterThanOrEqual(acknowledged)
    expect(left).toEqual(Array.from({ length: 50 }, (_, index) => left!.at(-1)! - 49 + index))
    journal.close()
  })
})
