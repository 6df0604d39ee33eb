import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { type DirectoryLock, acquireLock, type Running } from './running.ts'

let running: Running
let file: string

beforeEach(() => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'lock-'))
  onTestFinished(() => rmSync(dataDirectory, { recursive: true }))
  file = join(dataDirectory, 'running.json')
  running = {
    pid: process.pid,
    projectId: 'p',
    apiHost: '127.0.0.1:1',
    region: 'europe-west1',
    publicUrl: 'http://127.0.0.1:4110',
    serviceUrls: {},
    identityUrl: 'http://127.0.0.1:2',
    secret: 's',
    dataDirectory,
  }
})

function start(): DirectoryLock {
  const lock = acquireLock(running)
  onTestFinished(() => lock.release())
  return lock
}

interface OtherProcess {
  /** Resolves with `locked`, or with the reason why it is refused. */
  acquireLock(): Promise<string>
  /** Releases the directory if this process has locked it. */
  release(): Promise<string>
  kill(): Promise<void>
}

/** A process that locks and releases the directory on request. */
async function otherProcess(): Promise<OtherProcess> {
  const module = JSON.stringify(new URL('running.ts', import.meta.url).href)
  const program = `
    const { acquireLock } = await import(${module})
    console.log('loaded')
    let lock
    process.stdin.on('data', (request) => {
      if (String(request) === 'release') {
        lock?.release()
        lock = undefined
        console.log('released')
      } else try {
        lock = acquireLock(${JSON.stringify(running)})
        console.log('locked')
      } catch (error) {
        console.log(error.message)
      }
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  const kill = async (): Promise<void> => {
    if (!child.kill('SIGKILL')) return
    await once(child, 'exit')
  }
  onTestFinished(kill)
  const lines = createInterface({ input: child.stdout })
  const nextLine = async (): Promise<string> => ((await once(lines, 'line')) as [string])[0]
  await nextLine()
  const send = (word: string): Promise<string> => {
    child.stdin.write(word)
    return nextLine()
  }
  return {
    acquireLock: () => send('lock'),
    release: () => send('release'),
    kill,
  }
}

it('of concurrent starts after a killed process, exactly one locks the directory', async () => {
  const others = await Promise.all(Array.from({ length: 4 }, otherProcess))
  for (let round = 0; round < 10; round++) {
    writeFileSync(file, JSON.stringify({ ...running, pid: 2 ** 22 + 1, ready: true }))
    const answers = await Promise.all(others.map((other) => other.acquireLock()))
    expect(
      answers.filter((answer) => answer === 'locked'),
      answers.join(' | '),
    ).toHaveLength(1)
    for (const answer of answers) expect(answer).toMatch(/^locked$|^Millrace is (?:already|just) starting/)
    await Promise.all(others.map((other) => other.release()))
  }
})

it('a refused start names the state of the other process: starting, running, stopping', () => {
  const first = start()
  expect(start).toThrow(`Millrace is already starting here (process ${process.pid}): wait for it`)
  first.ready()
  expect(start).toThrow('Millrace already runs here')
  first.withdraw()
  expect(existsSync(file)).toBe(false)
  expect(start).toThrow('Millrace is just starting or stopping here: wait a moment')
  first.release()
  expect(start).not.toThrow()
})

it('the directory of a killed process can be locked, even if another program has its process id', async () => {
  const other = await otherProcess()
  expect(await other.acquireLock()).toBe('locked')
  expect(start).toThrow('already starting')
  await other.kill()
  // The file names the present process, which is alive.
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid, ready: false })
  expect(start).not.toThrow()
})

it.each(['', '{"pid":'])('a damaged file of a killed process does not keep a start from its directory: %j', (text) => {
  writeFileSync(file, text)
  start().ready()
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid, ready: true })
})

it.each(['', '{"pid":', '{}', 'null'])('a damaged file of a platform that runs is named: %j', (text) => {
  const first = start()
  writeFileSync(file, text)
  expect(start).toThrow(`${file} can't be read: stop the Millrace that runs here with Ctrl-C, then start again.`)
  first.release()
})

it('an overwritten lock is named with its remedy, and can be deleted', () => {
  const lock = join(running.dataDirectory, 'lock')
  writeFileSync(lock, 'no lock')
  expect(start).toThrow(`${lock} was overwritten: delete it, then start again.`)
  rmSync(lock)
  expect(start).not.toThrow()
})

it('a reader never finds the file half written', () => {
  const lock = start()
  const reading = openSync(file, 'r')
  onTestFinished(() => closeSync(reading))
  lock.ready()
  // The file is replaced, not overwritten: a reader that has opened the earlier one reads all of it.
  expect(JSON.parse(readFileSync(reading, 'utf8'))).toMatchObject({ ready: false })
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ ready: true })
})
