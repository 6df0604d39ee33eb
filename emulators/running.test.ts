import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { type Claim, claim, type Running } from './running.ts'

let running: Running
let note: string

beforeEach(() => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'claim-'))
  onTestFinished(() => rmSync(dataDirectory, { recursive: true }))
  note = join(dataDirectory, 'running.json')
  running = {
    pid: process.pid,
    projectId: 'p',
    apiHost: '127.0.0.1:1',
    region: 'europe-west1',
    gatewayUrl: 'http://127.0.0.1:4110',
    serviceUrls: {},
    identityUrl: 'http://127.0.0.1:2',
    secret: 's',
    dataDirectory,
  }
})

function start(): Claim {
  const claimed = claim(running)
  onTestFinished(() => claimed.release())
  return claimed
}

interface OtherProcess {
  /** Resolves with `claimed`, or with the reason why it is refused. */
  claim(): Promise<string>
  /** Whether it has it or not. */
  release(): Promise<string>
  kill(): Promise<void>
}

/** A process that is loaded, and claims the directory when it is asked to. */
async function otherProcess(): Promise<OtherProcess> {
  const module = JSON.stringify(new URL('running.ts', import.meta.url).href)
  const program = `
    const { claim } = await import(${module})
    console.log('loaded')
    let claimed
    process.stdin.on('data', (asked) => {
      if (String(asked) === 'release') {
        claimed?.release()
        claimed = undefined
        console.log('released')
      } else try {
        claimed = claim(${JSON.stringify(running)})
        console.log('claimed')
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
  const ask = (word: string): Promise<string> => {
    child.stdin.write(word)
    return nextLine()
  }
  return {
    claim: () => ask('claim'),
    release: () => ask('release'),
    kill,
  }
}

it('of starts that find the note of a killed process at once, one has the directory', async () => {
  const others = await Promise.all(Array.from({ length: 4 }, otherProcess))
  for (let round = 0; round < 10; round++) {
    writeFileSync(note, JSON.stringify({ ...running, pid: 2 ** 22 + 1, ready: true }))
    const answers = await Promise.all(others.map((other) => other.claim()))
    expect(
      answers.filter((answer) => answer === 'claimed'),
      answers.join(' | '),
    ).toHaveLength(1)
    for (const answer of answers) expect(answer).toMatch(/^claimed$|^Millrace is (?:already|just) starting/)
    await Promise.all(others.map((other) => other.release()))
  }
})

it('says what the other is at: starting, running, stopping', () => {
  const first = start()
  expect(start).toThrow(`Millrace is already starting here (process ${process.pid}): wait for it`)
  first.ready()
  expect(start).toThrow('Millrace already runs here')
  first.withdraw()
  expect(existsSync(note)).toBe(false)
  expect(start).toThrow('Millrace is just starting or stopping here: wait a moment')
  first.release()
  expect(start).not.toThrow()
})

it('is free again when the process that had it is killed, whatever program has its process id by now', async () => {
  const other = await otherProcess()
  expect(await other.claim()).toBe('claimed')
  expect(start).toThrow('already starting')
  await other.kill()
  // The note names this process, which is alive.
  expect(JSON.parse(readFileSync(note, 'utf8'))).toMatchObject({ pid: process.pid, ready: false })
  expect(start).not.toThrow()
})

it('a reader finds the note whole at every moment', () => {
  const claimed = start()
  const reading = openSync(note, 'r')
  onTestFinished(() => closeSync(reading))
  claimed.ready()
  // Replaced, not written over: who has opened the earlier one reads all of it.
  expect(JSON.parse(readFileSync(reading, 'utf8'))).toMatchObject({ ready: false })
  expect(JSON.parse(readFileSync(note, 'utf8'))).toMatchObject({ ready: true })
})
