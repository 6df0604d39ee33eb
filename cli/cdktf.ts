/** Runs the real CDKTF CLI; it is large, so its first use installs it. */

import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { GoogleAuth } from 'google-auth-library'
import { services } from '../functions/index.ts'
import { stackOrderOf } from '../shared/service/stack-order.ts'
import { type Environment, environments, PLACEHOLDER_DIGEST } from '../stacks/environments.ts'
import { refusalOf } from '../stacks/placeholders.ts'
import { help } from './cdktf/help.ts'
import { type Known, mistakeIn, namedIn, readLine } from './cdktf/mistake.ts'
import { cdktfCommands, cdktfOptions } from './cdktf/options.ts'
import { forgottenDashes } from './forgotten-dashes.ts'
import { isTerminal, printError, say } from './terminal.ts'

const root = join(import.meta.dirname, '..')
const home = join(root, '.tools', 'cdktf')
const bin = join(home, 'node_modules', 'cdktf-cli', 'bundle', 'bin', 'cdktf')
const manifest = join(import.meta.dirname, 'cdktf-cli')
/** Terraform's provider and state backend read the same variables. */
const credentialVariables = ['GOOGLE_CREDENTIALS', 'GOOGLE_OAUTH_ACCESS_TOKEN', 'GOOGLE_APPLICATION_CREDENTIALS']
const known: Known = { environments: Object.keys(environments), stacks: stackOrderOf(services) }
const flag = '--ignore-missing-stack-dependencies'

const args = process.argv.slice(2)
const line = readLine(args)
process.exitCode = await run()

async function run(): Promise<number> {
  if (['', '--help', '-h', 'help'].includes(line.command)) {
    say(help(known))
    return 0
  }
  const wrong =
    forgottenDashes({ call: 'npm run cdktf', options: cdktfOptions, args, environment: process.env }) ??
    mistakeIn(args, known) ??
    (callsGoogle() ? (refusedEnvironment() ?? missingTerraform() ?? (await missingCredentials())) : undefined)
  if (wrong !== undefined) {
    printError(wrong)
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

/** Of the stacks that a command names, Terraform reads the state. */
function callsGoogle(): boolean {
  return cdktfCommands[line.command]?.stacks !== undefined && !line.options.some(({ name }) => name === 'help')
}

/**
 * CDKTF refuses to deploy one stack without those on which it depends, so the release of one service needs this flag. With
 * several stacks the flag would lose their order, and for `destroy` CDKTF's refusal is right.
 */
function alone(): string[] {
  const isOne = line.words.length === 1 && /^[\w-]+$/.test(line.words[0]!)
  return isOne && ['deploy', 'apply'].includes(line.command) && !args.includes(flag) ? [flag] : []
}

/** Why the first environment of the named stacks can not be deployed, in one line. */
function refusedEnvironment(): string | undefined {
  for (const environment of Object.values(environments)) {
    const parts = namedIn(line.words, environment.name, known)
    if (parts.length === 0) continue
    const refusal = refusalOf(environment) ?? missingImage(environment, parts)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/** Terraform refuses to plan a service without one, unless a variable has its digest; what is destroyed needs none. */
function missingImage(environment: Environment, parts: readonly string[]): string | undefined {
  const isGiven =
    line.options.some(({ name }) => ['var', 'var-file'].includes(name)) || process.env['TF_VAR_image_digest']
  if (isGiven || ['destroy', 'output', 'outputs'].includes(line.command)) return undefined
  const { name, releases = {}, imageDigest } = environment
  const unbuilt = services
    .map((service) => service.name)
    .filter((service) => parts.includes(service) && (releases[service] ?? imageDigest) === PLACEHOLDER_DIGEST)
  return unbuilt.length === 0
    ? undefined
    : `${unbuilt.join(', ')} of ${name} ${unbuilt.length === 1 ? 'has' : 'have'} no image: deploy ${name}-platform, which makes the repository, then build one by npm run image -- ${name}.`
}

function missingTerraform(): string | undefined {
  const found = spawnSync('terraform', ['version'], { encoding: 'utf8' })
  const [version, major, minor] = /v(\d+)\.(\d+)\.\d+/.exec(found.stdout ?? '') ?? []
  if (found.status === 0 && (Number(major) > 1 || Number(minor) >= 7)) return undefined
  const present = version === undefined ? '' : `, and this is ${version}`
  return `cdktf ${line.command} needs Terraform 1.7 or newer on the PATH${present}: https://developer.hashicorp.com/terraform/install`
}

async function missingCredentials(): Promise<string | undefined> {
  if (credentialVariables.some((name) => process.env[name])) return undefined
  // Outside Google Cloud the library warns of the missing metadata server.
  process.removeAllListeners('warning')
  try {
    await new GoogleAuth().getApplicationDefault()
    return undefined
  } catch {
    return `cdktf ${line.command} needs Google credentials: run gcloud auth application-default login, then try again.`
  }
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
