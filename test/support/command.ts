/** One of the project's programs, run as its npm script runs it. */

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { announceIn } from '../../cli/lock.testing.ts'
import type { TestPlatform } from './platform.ts'
import { root } from './root.ts'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcess
  /** Its output so far, of both streams. */
  output(): string
  readonly ended: Promise<Ended>
}

/** Runs `file`, as package.json names it, for the platform of that data directory. */
export function start(file: string, args: readonly string[], dataDirectory: string): Started {
  const child = spawn(process.execPath, [join(root, 'cli', 'launch.mjs'), file, ...args], {
    cwd: root,
    env: { ...process.env, MILLRACE_DATA: dataDirectory },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
  return { child, output: () => stdout + stderr, ended }
}

export const run = (file: string, args: readonly string[], dataDirectory: string): Promise<Ended> =>
  start(file, args, dataDirectory).ended

export interface TemporaryDirectory {
  readonly path: string
  remove(): void
}

export function temporaryDirectory(): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), 'millrace-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Makes commands find the platform of this test by the directory, until this process ends. */
export function announce(platform: Pick<TestPlatform, 'running'>, dataDirectory: string): void {
  announceIn(dataDirectory, platform.running)
}
