/** Runs the real CDKTF CLI; it is large, so its first use installs it. */

import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { GoogleAuth } from 'google-auth-library'
import { services } from '../functions/index.ts'
import { environments } from '../stacks/environments.ts'
import { placeholderRefusal } from '../stacks/placeholders.ts'
import { help } from './cdktf/help.ts'
import { cdktfOptions, misspelt } from './cdktf/misspelt.ts'
import { forgottenDashes } from './forgotten-dashes.ts'
import { isTerminal, printError, say } from './terminal.ts'

const root = join(import.meta.dirname, '..')
const home = join(root, '.tools', 'cdktf')
const bin = join(home, 'node_modules', 'cdktf-cli', 'bundle', 'bin', 'cdktf')
const manifest = join(import.meta.dirname, 'cdktf-cli')
/** Terraform's provider and state backend read the same variables. */
const credentialVariables = ['GOOGLE_CREDENTIALS', 'GOOGLE_OAUTH_ACCESS_TOKEN', 'GOOGLE_APPLICATION_CREDENTIALS']
/** Commands that only read the stacks. */
const withoutTerraform = new Set(['synth', 'list', 'ls', '--version', 'init', 'convert'])

const names = Object.keys(environments)
const flag = '--ignore-missing-stack-dependencies'

const args = process.argv.slice(2)
process.exitCode = await run()

async function run(): Promise<number> {
  const [command = '--help'] = args
  const known = { environments: names, services: services.map(({ name }) => name) }
  if (['--help', '-h', 'help'].includes(command)) {
    say(help(known))
    return 0
  }
  const wrong =
    forgottenDashes({ call: 'npm run cdktf', options: cdktfOptions, args, environment: process.env }) ??
    misspelt(args, known)
  if (wrong !== undefined) {
    printError(wrong)
    return 1
  }
  const missing =
    withoutTerraform.has(command) || args.includes('--help') ? undefined : await missingPrerequisite(command)
  if (missing) {
    printError(missing)
    return 1
  }
  if (!isInstalled() && (await install()) !== 0) {
    printError('The CDKTF CLI could not be installed: see the messages above, then try again.')
    return 1
  }
  // The project's Node comes first on the PATH, for the CLI and for the app's command.
  const env = {
    ...process.env,
    CHECKPOINT_DISABLE: '1',
    PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`,
    // In CI mode it writes lines instead of a spinner, for files and pipes.
    ...(isTerminal() ? {} : { CI: '1' }),
  }
  return execute(process.execPath, [bin, ...args, ...alone()], { cwd: root, env })
}

/**
 * CDKTF refuses to deploy one stack without those on which it depends, so the release of one service needs this flag. With
 * several stacks the flag would lose their order, and for `destroy` CDKTF's refusal is right.
 */
function alone(): string[] {
  const stacks = args.slice(1).filter((one) => names.some((name) => one.startsWith(`${name}-`)))
  const isOne = stacks.length === 1 && /^[\w-]+$/.test(stacks[0]!)
  return isOne && ['deploy', 'apply'].includes(args[0]!) && !args.includes(flag) ? [flag] : []
}

/** The missing prerequisite of a command that calls Google, as one line. */
async function missingPrerequisite(command: string): Promise<string | undefined> {
  if (!has('terraform', 'version'))
    return `cdktf ${command} needs Terraform 1.7 or newer on the PATH: https://developer.hashicorp.com/terraform/install`
  const local = args.slice(1).find((one) => one.startsWith('local'))
  if (local !== undefined)
    return `${local} is not for Google Cloud: npm start runs it. Stacks to ${command} begin with ${names.join(', ')}.`
  return (await missingCredentials(command)) ?? placeholders()
}

async function missingCredentials(command: string): Promise<string | undefined> {
  if (credentialVariables.some((name) => process.env[name])) return undefined
  // Outside Google Cloud the library warns of the missing metadata server.
  process.removeAllListeners('warning')
  try {
    await new GoogleAuth().getApplicationDefault()
    return undefined
  } catch {
    return `cdktf ${command} needs Google credentials: run gcloud auth application-default login, then try again.`
  }
}

/** The first environment of the named stacks that has placeholders; a name without environment, as `*`, means all. */
function placeholders(): string | undefined {
  const stacks = args.slice(1).filter((one) => !one.startsWith('-'))
  const named = Object.values(environments).filter(({ name }) => stacks.some((one) => one.startsWith(`${name}-`)))
  for (const environment of named.length > 0 ? named : Object.values(environments)) {
    const refusal = placeholderRefusal(environment)
    if (refusal !== undefined) return refusal
  }
  return undefined
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
  printError('Installing the CDKTF CLI into .tools/cdktf (about 420 MB, once) …')
  mkdirSync(home, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(manifest, file), join(home, file))
  const startedMs = Date.now()
  const beat = setInterval(
    () => printError(`  still installing, ${Math.round((Date.now() - startedMs) / 1000)} s`),
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
      printError(`${program} could not be started: ${error.message}`)
      resolve(1)
    })
    child.on('close', (code) => resolve(code ?? 1))
  })
}
