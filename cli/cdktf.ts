/** Runs the real CDKTF CLI; it is large, so its first use installs it. */

import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const home = join(root, '.tools', 'cdktf')
const bin = join(home, 'node_modules', 'cdktf-cli', 'bundle', 'bin', 'cdktf')
const manifest = join(import.meta.dirname, 'cdktf-cli')
/** Those that only read the stacks. */
const withoutTerraform = new Set(['synth', 'list', 'ls', 'help', '--help', '-h', '--version', 'init', 'convert'])

const args = process.argv.slice(2)
process.exitCode = await run()

async function run(): Promise<number> {
  const [command = '--help'] = args
  if (!withoutTerraform.has(command) && !has('terraform', 'version')) {
    console.error(
      `cdktf ${command} needs Terraform 1.5 or newer on the PATH: https://developer.hashicorp.com/terraform/install`,
    )
    return 1
  }
  if (!isInstalled() && (await install()) !== 0) {
    console.error('The CDKTF CLI could not be installed: see above, then try again.')
    return 1
  }
  // A Node of its own on the PATH: the app's command and the CLI run on the project's.
  const env = { ...process.env, CHECKPOINT_DISABLE: '1', PATH: `${dirname(process.execPath)}:${process.env['PATH']}` }
  return execute(process.execPath, [bin, ...(args.length === 0 ? ['--help'] : args)], { cwd: root, env })
}

function isInstalled(): boolean {
  const lock = 'package-lock.json'
  return (
    existsSync(bin) &&
    existsSync(join(home, lock)) &&
    readFileSync(join(home, lock), 'utf8') === readFileSync(join(manifest, lock), 'utf8')
  )
}

async function install(): Promise<number> {
  console.error('Installing the CDKTF CLI into .tools/cdktf (about 420 MB, once) …')
  mkdirSync(home, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(manifest, file), join(home, file))
  const startedMs = Date.now()
  const beat = setInterval(
    () => console.error(`  still installing, ${Math.round((Date.now() - startedMs) / 1000)} s`),
    10_000,
  )
  const code = await execute('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: home,
  })
  clearInterval(beat)
  return code
}

function has(program: string, ...programArgs: string[]): boolean {
  return spawnSync(program, programArgs, { stdio: 'ignore' }).status === 0
}

function execute(
  program: string,
  programArgs: string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, programArgs, { ...options, stdio: 'inherit', shell: process.platform === 'win32' })
    child.on('error', (error) => {
      console.error(`${program} could not be started: ${error.message}`)
      resolve(1)
    })
    child.on('close', (code) => resolve(code ?? 1))
  })
}
