/** `npm run cdktf` and `npm run image`, and every command of docs/deploy.md, as far as they can be tested without an account. */

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { stackOrderOf } from '../../shared/service/stack-order.ts'
import { environments, PLACEHOLDER_DIGEST } from '../../stacks/environments.ts'
import { compileCache } from '../support/compile-cache.ts'
import { type Copy, copyOfSources } from '../support/copy.ts'
import { stacksOf } from './synthesized.testing.ts'
import { root } from '../support/root.ts'

const { dev } = environments
const environmentNames = Object.keys(environments)

const timeout = 60_000

/** A folder of programs, the only one on the PATH of a command. */
let programs: string
beforeEach(() => {
  programs = mkdtempSync(join(tmpdir(), 'millrace-programs-'))
  for (const program of ['sh', 'git', 'cat', 'env']) {
    const found = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim()
    symlinkSync(found, join(programs, program))
  }
})
afterEach(() => rmSync(programs, { recursive: true }))

/** A program that runs `script` and records its arguments. */
function pretend(program: string, script: string): void {
  writeFileSync(join(programs, program), `#!/bin/sh\necho "$@" >> "${join(programs, `${program}.calls`)}"\n${script}\n`)
  chmodSync(join(programs, program), 0o755)
}
const calls = (program: string): string[] => {
  const file = join(programs, `${program}.calls`)
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
}

interface CommandOutput {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

let variables: Readonly<Record<string, string>>
beforeEach(() => {
  variables = {}
})

function run(folder: string, file: string, ...args: string[]): CommandOutput {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, file), ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...compileCache, PATH: programs, HOME: programs, METADATA_SERVER_DETECTION: 'none', ...variables },
  })
  return { code: status, stdout, stderr }
}
const oneLine = (line: string): CommandOutput => ({ code: 1, stdout: '', stderr: `${line}\n` })

/** A copy with values of its own and an image: an environment with placeholders, or without an image, is refused. */
function ownCopy(digest = `sha256:${'b'.repeat(64)}`): Copy {
  const copy = copyOfSources()
  for (const file of ['stacks/environments.ts', 'functions/shop/settings.ts'])
    copy.write(
      file,
      copy
        .read(file)
        .replaceAll('example.com', 'shop.test')
        .replaceAll("'millrace-", "'our-")
        .replaceAll("'10000000000", "'20000000000")
        .replaceAll('000000-000000-000000', '0A1B2C-3D4E5F-6A7B8C'),
    )
  copy.write('stacks/images.json', JSON.stringify(Object.fromEntries(environmentNames.map((name) => [name, digest]))))
  return copy
}

describe('npm run cdktf reports a missing prerequisite in one line', { timeout }, () => {
  let copy: Copy
  beforeAll(() => {
    copy = ownCopy()
  })
  afterAll(() => copy.remove())

  it.each(['deploy', 'diff', 'destroy', 'output'])('%s: Terraform', (command) => {
    expect(run(copy.root, 'cli/cdktf.ts', command, 'dev-observability')).toEqual(
      oneLine(
        `cdktf ${command} needs Terraform 1.7 or newer on the PATH: https://developer.hashicorp.com/terraform/install`,
      ),
    )
  })

  it('a newer Terraform', () => {
    pretend('terraform', 'echo Terraform v1.6.6')
    expect(run(copy.root, 'cli/cdktf.ts', 'deploy', 'dev-platform').stderr).toMatch(
      /^cdktf deploy needs Terraform 1\.7 or newer on the PATH, and this is v1\.6\.6: /,
    )
  })

  it('credentials', () => {
    pretend('terraform', 'echo Terraform v1.11.4')
    expect(run(copy.root, 'cli/cdktf.ts', 'deploy', 'dev-platform')).toEqual(
      oneLine('cdktf deploy needs Google credentials: run gcloud auth application-default login, then try again.'),
    )
  })

  it.each([
    ['dev-platform', 'dev'],
    ['prod-*', 'prod'],
  ])('own values in place of the published ones, before Terraform and credentials: %s', (stacks, environment) => {
    const { code, stderr } = run(root, 'cli/cdktf.ts', 'deploy', stacks)
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^${environment} has placeholders: [^\n]+\n$`))
    for (const one of [
      `projectId "millrace-${environment}"`,
      /projectNumber "10000000000\d"/,
      'alertEmail "platform@example.com"',
      'operators "group:platform-operators@example.com"',
      'analysts "group:analysts@example.com"',
      'administrators "group:platform-administrators@example.com"',
      `PAYMENT_PROVIDER_URL "https://payments.${environment}.example.com"`,
      `EDGE "https://shop.${environment}.example.com"`,
      ...(environment === 'prod' ? ['billingAccount "000000-000000-000000"'] : []),
    ])
      expect(stderr).toMatch(one)
  })
})

describe('npm run cdktf names what the files of the stacks lack, before it asks for Terraform', { timeout }, () => {
  let copy: Copy
  beforeAll(() => {
    copy = ownCopy(PLACEHOLDER_DIGEST)
  })
  afterAll(() => copy.remove())
  const cdktf = (...words: string[]): string => run(copy.root, 'cli/cdktf.ts', ...words).stderr

  it('the image of a service', () => {
    expect(cdktf('deploy', 'dev-orders')).toBe(
      'orders of dev has no image: deploy dev-platform, which makes the repository, then build one by npm run image -- dev.\n',
    )
    expect(cdktf('diff', 'prod-gateway')).toMatch(/^gateway of prod has no image: /)
    expect(cdktf('deploy', 'dev-*')).toMatch(/^gateway, .*orders.* of dev have no image: /)
    for (const words of [
      ['deploy', 'dev-platform'],
      ['destroy', 'dev-*'],
      ['diff', 'dev-orders', '--var', 'image_digest=sha256:x'],
    ])
      expect(cdktf(...words)).toMatch(/needs Terraform/)
    copy.write(
      'stacks/images.json',
      JSON.stringify({ dev: PLACEHOLDER_DIGEST, 'dev/orders': `sha256:${'c'.repeat(64)}` }),
    )
    expect(cdktf('deploy', 'dev-orders')).toMatch(/needs Terraform/)
    expect(cdktf('deploy', 'dev-payments')).toMatch(/^payments of dev has no image/)
  })

  it('a digest, and JSON', () => {
    copy.write('stacks/images.json', JSON.stringify({ 'dev/orders': 'sha256:abc' }))
    expect(cdktf('deploy', 'dev-platform')).toBe(
      'stacks/images.json has "dev/orders": "sha256:abc", but a digest is sha256: and 64 hexadecimal digits: npm run image -- dev writes it.\n',
    )
    copy.write('stacks/images.json', '{ "dev": ')
    const printed = cdktf('deploy', 'dev-platform')
    expect(printed).toMatch(/stacks\/images\.json is not JSON: .*restore it from git\./)
    expect(printed).not.toMatch(/^ {4}at /m)
  })

  it('the service of a release', () => {
    copy.write('stacks/images.json', JSON.stringify({ 'dev/ordres': `sha256:${'c'.repeat(64)}` }))
    expect(cdktf('deploy', 'dev-platform')).toBe(
      'stacks/images.json has "dev/ordres", but there is no service ordres.\n',
    )
  })
})

describe('npm run cdktf names a mistake before it asks for a program or installs one', { timeout }, () => {
  it.each<[string[], string]>([
    [['depoly', 'dev-orders'], 'cdktf has no command depoly. Did you mean deploy?'],
    [['deploy', 'dev-oders'], 'There is no stack dev-oders. Did you mean dev-orders?'],
    [
      ['deploy'],
      "deploy needs the names of stacks, such as dev-platform or 'dev-*' for all of dev: npm run cdktf -- list prints them.",
    ],
    [
      ['deploy', 'local-bus'],
      `local-bus is not for Google Cloud: npm start runs the local stacks. Those to deploy begin with ${environmentNames.join(', ')}.`,
    ],
  ])('%j', (words, line) => {
    expect(run(root, 'cli/cdktf.ts', ...words)).toEqual(oneLine(line))
  })

  it.each<[string[]]>([[[]], [['--help']], [['help']]])('prints its help without the CDKTF CLI: %j', (words) => {
    const { code, stdout, stderr } = run(root, 'cli/cdktf.ts', ...words)
    expect([code, stderr]).toEqual([0, ''])
    for (const name of [...Object.keys(environments), ...services.map((service) => service.name)])
      expect(stdout).toContain(name)
  })

  it('knows exactly the stacks that are synthesized', () => {
    const known = Object.keys(stackOrderOf(services)).map((part) => `dev-${part}`)
    expect(known).toEqual(stacksOf(dev).map(({ name }) => name))
  })

  it('prints the line with -- that npm left out', () => {
    variables = { npm_config_auto_approve: 'true' }
    expect(run(root, 'cli/cdktf.ts', 'deploy', 'dev-orders').stderr).toMatch(
      /: npm run cdktf -- deploy dev-orders --auto-approve\n$/,
    )
  })
})

describe('npm run cdktf passes its arguments on', { timeout }, () => {
  let copy: Copy
  beforeAll(() => {
    copy = ownCopy()
    const bin = '.tools/cdktf/node_modules/cdktf-cli/bundle/bin'
    mkdirSync(join(copy.root, bin), { recursive: true })
    copy.write(`${bin}/cdktf`, 'console.log(process.argv.slice(2).join(" "))')
    cpSync(join(root, 'cli/cdktf-cli/package-lock.json'), join(copy.root, '.tools/cdktf/package-lock.json'))
  })
  afterAll(() => copy.remove())
  beforeEach(() => {
    pretend('terraform', 'echo Terraform v1.11.4')
    variables = { GOOGLE_OAUTH_ACCESS_TOKEN: 'invalid-token' }
  })

  const flag = ' --ignore-missing-stack-dependencies'
  it.each([
    ['one stack can be deployed alone', 'deploy dev-orders', flag],
    ['by CI as well', 'deploy prod-orders --auto-approve', flag],
    ['under its alias', 'apply staging-bus', flag],
    ['an option is not repeated', `deploy dev-orders${flag}`, ''],
    ['several keep their order', 'deploy dev-bus dev-platform', ''],
    ['an environment keeps its order', 'deploy dev-*', ''],
    ['what is destroyed keeps the check of its dependents', 'destroy dev-observability', ''],
    ['diff includes no other stack', 'diff dev-orders', ''],
  ])('%s: %s', (_, typedCommand, added) => {
    const { stdout } = run(copy.root, 'cli/cdktf.ts', ...typedCommand.split(' '))
    expect(stdout.trim()).toBe(`${typedCommand}${added}`)
  })
})

describe('npm run image', { timeout }, () => {
  let copy: Copy
  const digest = `sha256:${'a'.repeat(64)}`
  const git = (...args: string[]): string =>
    spawnSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: copy.root,
      encoding: 'utf8',
    }).stdout.trim()
  /** gcloud with an account, and a registry that has an image from the first build on. */
  const gcloud = (build = 'touch "$BUILT"'): void =>
    pretend(
      'gcloud',
      `BUILT="${programs}/built"
case "$*" in
  "auth list"*) echo developer@example.com ;;
  "builds submit"*) ${build} ;;
  *describe*) if [ -e "$BUILT" ]; then echo ${digest}; else exit 1; fi ;;
esac`,
    )
  const image = (...args: string[]): CommandOutput => run(copy.root, 'cli/image.ts', ...args)
  const digests = () =>
    JSON.parse(readFileSync(join(copy.root, 'stacks/images.json'), 'utf8')) as Record<string, string>

  beforeAll(() => {
    copy = ownCopy()
    git('init', '--quiet')
    git('add', '--all')
    git('commit', '--quiet', '--message', 'All of it')
  })
  afterAll(() => copy.remove())
  beforeEach(() => {
    symlinkSync(
      spawnSync('sh', ['-c', 'command -v touch'], { encoding: 'utf8' }).stdout.trim(),
      join(programs, 'touch'),
    )
  })
  // Each test starts from the commit with its own gcloud.
  afterEach(() => git('reset', '--quiet', '--hard'))

  it('reports a missing prerequisite in one line', () => {
    expect(image('dev').stderr).toMatch(/^Building needs gcloud on the PATH, signed in: .*\n$/)
    pretend('gcloud', '')
    expect(image('dev')).toEqual(oneLine('Building needs an account: run gcloud auth login, then try again.'))
    expect(image('local')).toEqual(
      oneLine(`There is no environment "local". There are: ${environmentNames.join(', ')}.`),
    )
    expect(image('prdo').stderr).toContain('Did you mean prod?')
  })

  it.each([
    ['image', 'cli/image.ts'],
    ['grants', 'cli/grants.ts'],
  ])('npm run %s refuses placeholders before it starts anything', (_, file) => {
    gcloud()
    const { code, stdout, stderr } = run(root, file, 'dev')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^dev has placeholders: projectId "millrace-dev", projectNumber "100000000001", [^\n]+\n$/)
    expect(calls('gcloud')).toEqual([])
  })

  it('reports a missing git in one line', () => {
    gcloud()
    rmSync(join(programs, 'git'))
    expect(image('dev')).toEqual(oneLine('git status failed: it is not installed'))
    expect(calls('gcloud').filter((call) => !call.startsWith('auth list'))).toEqual([])
  })

  it("builds in the environment's project with its builder account, and records the digest", () => {
    gcloud()
    expect(image('dev')).toMatchObject({
      code: 0,
      stdout: `europe-west1-docker.pkg.dev/our-dev/millrace/platform@${digest} is the image of dev from its next deployment on. Commit stacks/images.json.\n`,
    })
    expect(digests()).toMatchObject({ dev: digest, prod: `sha256:${'b'.repeat(64)}` })
    const tag = git('rev-parse', '--short=12', 'HEAD')
    expect(calls('gcloud').find((call) => call.startsWith('builds submit'))).toBe(
      [
        'builds submit --project=our-dev --config=cloudbuild.yaml',
        '--service-account=projects/our-dev/serviceAccounts/image-builder@our-dev.iam.gserviceaccount.com',
        '--gcs-source-staging-dir=gs://our-dev-build-sources/source',
        `--substitutions=_IMAGE=europe-west1-docker.pkg.dev/our-dev/millrace/platform,_TAG=${tag} .`,
      ].join(' '),
    )
  })

  it('does not build a commit twice, since its tag is immutable', () => {
    gcloud()
    image('dev')
    expect(image('dev').code).toBe(0)
    expect(calls('gcloud').filter((call) => call.startsWith('builds submit'))).toHaveLength(1)
  })

  it('refuses sources that are not committed, by name', () => {
    gcloud()
    copy.write('functions/main.ts', '')
    copy.write('cli/lockfile.ts', `${copy.read('cli/lockfile.ts')}// It reduces the packages.\n`)
    copy.write('cli/logs.ts', '// It is not in the build.\n')
    expect(image('dev').stderr).toMatch(/commit them first\.\n ?M cli\/lockfile\.ts\n ?M functions\/main\.ts\n$/)
    expect(calls('gcloud').filter((call) => call.startsWith('builds submit'))).toEqual([])
  })
})

const page = readFileSync(join(root, 'docs/deploy.md'), 'utf8')
/** Each command of the page, its continued lines joined. */
const typed = [...page.matchAll(/```sh\n([\s\S]*?)```/g)]
  .flatMap(([, block]) => block!.replaceAll(/\\\n\s*/g, '').split('\n'))
  .map((line) => line.replace(/\s+#.*$/, '').trim())
  .filter((line) => line !== '' && !line.startsWith('#'))

describe('docs/deploy.md', () => {
  const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts

  it('has commands', () => expect(typed.length).toBeGreaterThan(15))

  it('names only existing scripts, stacks and environments', () => {
    const ours = [...page.matchAll(/npm run ([\w-]+)(?: -- ([\w-]+)(?: '?([\w*-]+)'?)?)?/g)]
    expect(ours.length).toBeGreaterThan(5)
    const names = stacksOf(dev).map(({ name }) => name.slice('dev-'.length))
    for (const [, script, verb, stack] of ours) {
      expect(Object.keys(scripts)).toContain(script)
      if (script === 'image' && verb !== undefined) expect(environmentNames).toContain(verb)
      if (script !== 'cdktf' || stack === undefined) continue
      const [, environment, part] = /^(\w+)-(.+)$/.exec(stack)!
      expect(environmentNames).toContain(environment)
      expect([...names, '*']).toContain(part)
    }
  })

  // These tests take forty seconds, so they run only with MILLRACE_GCLOUD=1.
  const checksGcloud = process.env['MILLRACE_GCLOUD'] === '1'
  if (!checksGcloud) console.log('The gcloud commands of docs/deploy.md are not checked: set MILLRACE_GCLOUD=1.')
  const gcloudCommands = typed
    .flatMap((line) => /\bgcloud [^|]*/.exec(line)?.[0].trim() ?? [])
    // Not in every version of gcloud: https://cloud.google.com/sdk/gcloud/reference/firestore/databases/clone
    .filter((line) => !line.startsWith('gcloud firestore databases clone '))
  it.skipIf(!checksGcloud).each(gcloudCommands)('%s', { timeout }, (line) => {
    const [command] = /^gcloud(?: [a-z][a-z-]+)+/.exec(line)!
    const words = command.split(' ').slice(1)
    const { code, help } = helpOf(words)
    expect([command, code]).toEqual([command, 0])
    const flags = [...line.matchAll(/ --([a-z-]+)/g)].map(([, flag]) => flag!)
    expect(flags.filter((flag) => !help.includes(`--${flag}`) && !help.includes(`--[no-]${flag}`))).toEqual([])
  })
})

/** The help of the longest group of words that is a command; the words after it are its arguments. */
function helpOf(words: readonly string[]): { code: number | null; help: string } {
  const { status, stdout } = spawnSync('gcloud', [...words, '--help'], { encoding: 'utf8' })
  if (status !== 0 && words.length > 2) return helpOf(words.slice(0, -1))
  const wide = ['--project', '--format', '--quiet', '--account']
  return { code: status, help: `${stripVTControlCharacters(stdout)}${wide.join(' ')}` }
}

const cli = join(root, '.tools', 'cdktf', 'node_modules', 'cdktf-cli')
const installed = existsSync(cli) || process.env['MILLRACE_CDKTF'] === '1'
if (!installed)
  console.log('The CDKTF CLI is not installed: npm run cdktf -- list installs it (420 MB), and then it is tested.')

describe.skipIf(!installed)('the CDKTF CLI', { timeout: 600_000 }, () => {
  const cdktf = (...args: string[]): CommandOutput => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'cli/cdktf.ts'), ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
    })
    return { code: status, stdout, stderr }
  }

  it('has help', () => {
    const { code, stdout, stderr } = cdktf('deploy', '--help')
    expect([code, stdout + stderr]).toEqual([0, expect.stringContaining('cdktf deploy')])
  })

  it('lists and synthesizes every stack, without spinner', () => {
    const listed = cdktf('list')
    expect(listed.code).toBe(0)
    const stacks = ['local', ...environmentNames].flatMap((environment) =>
      stacksOf(dev).map(({ name }) => name.replace('dev', environment)),
    )
    for (const name of stacks) expect(listed.stdout).toContain(`cdktf.out/stacks/${name}`)
    expect(listed.stdout).not.toMatch(/[⠋⠙⠹⠸]/)
    expect(cdktf('synth').code).toBe(0)
    for (const name of stacks) expect(existsSync(join(root, 'cdktf.out/stacks', name, 'cdk.tf.json'))).toBe(true)
  })

  it('runs Terraform for one service alone', () => {
    pretend('terraform', 'case "$1" in version) echo Terraform v1.11.4 ;; *) echo no bucket here >&2; exit 1 ;; esac')
    const copy = ownCopy()
    try {
      symlinkSync(join(root, '.tools'), join(copy.root, '.tools'))
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [join(copy.root, 'cli/cdktf.ts'), 'deploy', 'dev-orders', '--auto-approve'],
        {
          cwd: copy.root,
          encoding: 'utf8',
          env: {
            ...process.env,
            PATH: `${programs}:${dirname(process.execPath)}:${process.env['PATH']}`,
            GOOGLE_OAUTH_ACCESS_TOKEN: 'invalid-token',
          },
        },
      )
      expect(status).not.toBe(0)
      expect(stdout + stderr).toContain('no bucket here')
      expect(calls('terraform').some((call) => call.startsWith('init'))).toBe(true)
    } finally {
      copy.remove()
    }
  })
})
