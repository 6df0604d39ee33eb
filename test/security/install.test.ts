/** The starter and npm run cdktf install only packages of the lockfile with its integrity, even from a hostile registry, and run no scripts. */

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from '../support/root.ts'

let folder: string
let registry: Server
/** The files that the registry serves as version 1.0.0 of each name, with the claimed integrity. */
let served: { tarball: Buffer; integrity: string }

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-install-')))
  registry = createServer((request, response) => {
    const url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`
    if (request.url?.endsWith('.tgz')) return void response.end(served.tarball)
    const name = request.url!.slice(1)
    const dist = { tarball: `${url}/${name}-1.0.0.tgz`, integrity: served.integrity }
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        name,
        'dist-tags': { latest: '1.0.0' },
        versions: { '1.0.0': { name, version: '1.0.0', dist, hasInstallScript: true } },
      }),
    )
  }).listen(0, '127.0.0.1')
  await once(registry, 'listening')
})
afterEach(() => {
  registry.close()
  rmSync(folder, { recursive: true, force: true })
})

const write = (path: string, content: string | object): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content))
}
const integrityOf = (tarball: Buffer): string => `sha512-${createHash('sha512').update(tarball).digest('base64')}`

/** A package whose install script would leave a file behind. */
function packed(code: string, name = 'one', file = 'index.js'): Buffer {
  const scripts = { postinstall: `node -e "require('fs').writeFileSync('${join(folder, 'script-ran')}', '')"` }
  write('one/package/package.json', { name, version: '1.0.0', scripts })
  write(`one/package/${file}`, code)
  const { status, stderr } = spawnSync('tar', ['-czf', 'one.tgz', '-C', 'one', 'package'], { cwd: folder })
  if (status !== 0) throw new Error(String(stderr))
  return readFileSync(join(folder, 'one.tgz'))
}

/** A folder whose lockfile names that package with that integrity. */
function locked(path: string, name: string, integrity: string | undefined): void {
  const manifest = { name: 'project', version: '1.0.0', dependencies: { [name]: '1.0.0' } }
  write(`${path}/package.json`, manifest)
  write(`${path}/package-lock.json`, {
    name: 'project',
    version: '1.0.0',
    lockfileVersion: 3,
    requires: true,
    packages: { '': manifest, [`node_modules/${name}`]: { version: '1.0.0', integrity, hasInstallScript: true } },
  })
}

/** A project with the starter and one program. */
function project(integrity: string | undefined): void {
  cpSync(join(root, 'cli/launch.mjs'), join(folder, 'project/cli/launch.mjs'), { recursive: true })
  write('project/program.mjs', "import('one').then((one) => console.log(one.default))")
  locked('project', 'one', integrity)
}

const launch = () => run('cli/launch.mjs', 'program.mjs')

/** Runs a program of the project, which finds npm and its package source. */
async function run(...args: string[]) {
  const child = spawn(process.execPath, args, {
    cwd: join(folder, 'project'),
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      npm_config_registry: `http://127.0.0.1:${(registry.address() as AddressInfo).port}`,
      npm_config_cache: join(folder, 'cache'),
      npm_config_fetch_retries: '0',
      npm_config_update_notifier: 'false',
    },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

describe('the starter installs', () => {
  it('the packages of the lockfile, and runs no install script', async () => {
    const tarball = packed('module.exports = "one runs"')
    served = { tarball, integrity: integrityOf(tarball) }
    project(served.integrity)
    const { code, stdout, stderr } = await launch()
    expect([code, stdout, stderr]).toEqual([0, 'one runs\n', expect.stringContaining('Installed in')])
    expect(existsSync(join(folder, 'script-ran'))).toBe(false)
  })

  it('nothing when the registry serves other bytes under the integrity of the lockfile', async () => {
    const integrity = integrityOf(packed('module.exports = "one runs"'))
    served = { tarball: packed('module.exports = "tampered"'), integrity }
    project(integrity)
    const { code, stdout, stderr } = await launch()
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('EINTEGRITY')])
  })

  it('nothing when a version was published again with other bytes', async () => {
    const integrity = integrityOf(packed('module.exports = "one runs"'))
    const tarball = packed('module.exports = "published again"')
    served = { tarball, integrity: integrityOf(tarball) }
    project(integrity)
    const { code, stdout, stderr } = await launch()
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('EINTEGRITY')])
  })

  it.each([undefined, 'sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'x'])(
    'nothing whose integrity in the lockfile is %s and not a SHA-512',
    async (integrity) => {
      const tarball = packed('module.exports = "anything"')
      served = { tarball, integrity: integrityOf(tarball) }
      project(integrity)
      const { code, stdout, stderr } = await launch()
      expect([code, stdout, stderr]).toEqual([
        1,
        '',
        'package-lock.json gives no SHA-512 for node_modules/one: restore it from git, then run this again.\n',
      ])
    },
  )

  it('nothing without a SHA-512 that the lockfile marks as bundled', async () => {
    const tarball = packed('module.exports = "anything"')
    served = { tarball, integrity: integrityOf(tarball) }
    project(undefined)
    const file = join(folder, 'project/package-lock.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('"hasInstallScript"', '"inBundle":true,"hasInstallScript"'))
    const { code, stdout, stderr } = await launch()
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      expect.stringContaining('npm installed other packages than package-lock.json names, so none of them is run'),
    ])
  })

  it('nothing that package.json names and the lockfile does not', async () => {
    const tarball = packed('module.exports = "one runs"')
    served = { tarball, integrity: integrityOf(tarball) }
    project(served.integrity)
    const dependencies = { one: '1.0.0', two: '1.0.0' }
    write('project/package.json', { name: 'project', version: '1.0.0', dependencies })
    const { code, stdout, stderr } = await launch()
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('Missing: two@')])
  })

  it('again, and removes a package that the lockfile does not name', async () => {
    const tarball = packed('module.exports = "one runs"')
    served = { tarball, integrity: integrityOf(tarball) }
    project(served.integrity)
    await launch()
    const hidden = 'project/node_modules/.package-lock.json'
    const lockfile = JSON.parse(readFileSync(join(folder, hidden), 'utf8')) as { packages: object }
    const nested = 'node_modules/one/node_modules/evil'
    write(hidden, { ...lockfile, packages: { ...lockfile.packages, [nested]: { version: '1.0.0' } } })
    write(`project/${nested}/package.json`, { name: 'evil', version: '1.0.0' })
    const { code, stdout } = await launch()
    expect([code, stdout, existsSync(join(folder, 'project', nested))]).toEqual([0, 'one runs\n', false])
  })

  it('again when the lockfile has another integrity for the installed version', async () => {
    const tarball = packed('module.exports = "one runs"')
    served = { tarball, integrity: integrityOf(tarball) }
    project(served.integrity)
    await launch()
    const other = packed('module.exports = "mended"')
    served = { tarball: other, integrity: integrityOf(other) }
    project(served.integrity)
    const { code, stdout } = await launch()
    expect([code, stdout]).toEqual([0, 'mended\n'])
  })
})

describe('npm run cdktf installs', () => {
  const bin = 'bundle/bin/cdktf'

  /** Runs the command with a lockfile that names a CDKTF CLI with that integrity. */
  function command(integrity: string): void {
    for (const file of ['cli', 'stacks', 'functions', 'shared', 'package.json'])
      cpSync(join(root, file), join(folder, 'project', file), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'project/node_modules'))
    locked('project/cli/cdktf-cli', 'cdktf-cli', integrity)
  }

  it('the packages of its own lockfile, and runs no install script', async () => {
    const tarball = packed('console.log("the CDKTF CLI runs")', 'cdktf-cli', bin)
    served = { tarball, integrity: integrityOf(tarball) }
    command(served.integrity)
    const { code, stdout } = await run('cli/cdktf.ts', 'list')
    expect([code, stdout]).toEqual([0, expect.stringContaining('the CDKTF CLI runs')])
    expect(existsSync(join(folder, 'script-ran'))).toBe(false)
  })

  it('nothing when the registry serves other bytes', async () => {
    const integrity = integrityOf(packed('console.log("the CDKTF CLI runs")', 'cdktf-cli', bin))
    served = { tarball: packed('console.log("tampered")', 'cdktf-cli', bin), integrity }
    command(integrity)
    const { code, stdout, stderr } = await run('cli/cdktf.ts', 'list')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('EINTEGRITY')
  })
})
