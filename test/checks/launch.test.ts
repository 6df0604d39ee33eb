/** The starter of every npm command: its errors, and the programs that it runs. */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from '../support/root.ts'

let project: string

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(project, path)), { recursive: true })
  writeFileSync(join(project, path), text)
}

const lock = (version: string): string =>
  JSON.stringify({ lockfileVersion: 3, packages: { 'node_modules/one': { version, integrity: `sha512-${version}` } } })

/** A project with one program and one installed package. */
beforeEach(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-launch-')))
  mkdirSync(join(project, 'cli'))
  cpSync(join(root, 'cli', 'launch.mjs'), join(project, 'cli', 'launch.mjs'))
  write('package-lock.json', lock('1.0.0'))
  write('node_modules/.package-lock.json', lock('1.0.0'))
  write('program.mjs', 'console.log(JSON.stringify(process.argv.slice(2)), process.cwd()); process.exit(7)')
})
afterEach(() => rmSync(project, { recursive: true, force: true }))

/** Runs it by this Node, which reports that version. */
function launch(version: string, ...args: string[]) {
  const pretend = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`
  return spawnSync(process.execPath, ['--import', pretend, join(project, 'cli', 'launch.mjs'), ...args], {
    encoding: 'utf8',
    cwd: tmpdir(),
    // npm sets this variable for its scripts.
    env: { PATH: process.env['PATH'], npm_execpath: join(project, 'npm.mjs') },
  })
}

describe('the starter', () => {
  it('runs the program in the project with its arguments, and ends with its exit code', () => {
    const { status, stdout, stderr } = launch('24.1.0', 'program.mjs', '--one', 'two words')
    expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: `["--one","two words"] ${project}\n`, stderr: '' })
  })

  it('refuses a Node that is too old, in one line', () => {
    const { status, stderr } = launch('18.20.1', 'program.mjs')
    expect([status, stderr]).toEqual([
      1,
      'Node 18.20.1 is too old: install Node 20 or newer (https://nodejs.org), then run this again.\n',
    ])
  })

  it('reports in one line that npm has no Node 24 for this machine', () => {
    const { status, stderr } = launch('20.20.2', 'program.mjs')
    expect(status).toBe(1)
    expect(stderr).toBe(
      `Millrace runs on Node 24; npm has none for ${process.platform}-${process.arch} and this one is 20.20.2: install Node 24 (https://nodejs.org), then run this again.\n`,
    )
  })

  it.skipIf(process.platform === 'win32')('uses the Node that npm installed', () => {
    const bin = join(project, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin')
    mkdirSync(bin, { recursive: true })
    symlinkSync(process.execPath, join(bin, 'node'))
    expect(launch('20.20.2', 'program.mjs').status).toBe(7)
  })

  it('installs the packages of the lockfile, then runs the program', () => {
    write('package-lock.json', lock('2.0.0'))
    write(
      'npm.mjs',
      `import { writeFileSync } from 'node:fs'
       console.error('npm http fetch GET 200 one'); console.log(process.argv.slice(2).join(' '))
       writeFileSync('node_modules/.package-lock.json', ${JSON.stringify(lock('2.0.0'))})`,
    )
    const first = launch('24.1.0', 'program.mjs')
    expect(first.status).toBe(7)
    expect(first.stderr).toMatch(/^Installing packages [\s\S]*\nInstalled in \d+ s\.\n$/)
    expect(launch('24.1.0', 'program.mjs').stderr).toBe('')
  })

  it('runs nothing when npm installed packages that the lockfile does not name', () => {
    write('package-lock.json', lock('2.0.0'))
    write('npm.mjs', '')
    const { status, stdout, stderr } = launch('24.1.0', 'program.mjs')
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/npm installed other packages than package-lock\.json names.*: node_modules\/one\./)
  })

  it('reports in a few lines why the installation failed', () => {
    write('package-lock.json', lock('2.0.0'))
    write(
      'npm.mjs',
      `console.error('npm error code E404\\nnpm error 404 one is not in this registry'); process.exit(1)`,
    )
    const { status, stderr } = launch('24.1.0', 'program.mjs')
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /could not be installed \(npm ended with 1\):\nnpm error code E404\nnpm error 404 .*\nRun "npm ci" to see all of it\.\n$/,
    )
  })
})
