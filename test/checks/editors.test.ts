/** The settings for editors and GitHub name only existing scripts, files, images and ports. */

import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { business, services } from '../../functions/index.ts'
import { partnersOf } from '../../shared/service/business.ts'
import { localPorts } from '../../stacks/environments.ts'
import { blocksOf } from '../support/document-blocks.ts'
import { root } from '../support/root.ts'

const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const json = <T>(file: string): T => JSON.parse(read(file)) as T

it("the development container forwards the ports of npm start, and is made from the services' base image", () => {
  const { build, forwardPorts, portsAttributes } = json<{
    build: { readonly dockerfile: string }
    forwardPorts: readonly number[]
    portsAttributes: Readonly<Record<string, { readonly label: string }>>
  }>('.devcontainer/devcontainer.json')
  const [base] = /^FROM \S+$/m.exec(read(join('.devcontainer', build.dockerfile)))!
  expect(read('Dockerfile')).toContain(`${base}\n`)
  const { api, identity, partner, service } = localPorts(4100, business)
  expect(forwardPorts).toEqual([api, identity, ...partnersOf(business).map(partner), service('gateway')])
  const labels = forwardPorts.map((port) => portsAttributes[port]?.label)
  const partners = partnersOf(business).map((name) => name.replaceAll('-', ' '))
  expect(labels).toEqual(['Google Cloud (local)', 'identity platform', ...partners, 'gateway'])
})

/** By program: the package of Debian that has it. Absent here: the base image has it. */
const debianPackages: Readonly<Record<string, string>> = {
  curl: 'curl',
  git: 'git',
  ps: 'procps',
  python3: 'python3',
  ssh: 'openssh-client',
}
/** Programs that the documents ask a reader to install, and the words of a shell. */
const elsewhere =
  /^(gcloud|docker|terraform|go|pip|npx|npm|node|bash|sh|cd|for|do|done|export|source|echo|grep|head|tail|cat|rm|find|true|date|printf|sed|tar|kill|sleep|mkdir|open)$/

it('the development container has the programs of the documents, the commands and the tests', () => {
  const installed = /apt-get install (.+?) \\\n/.exec(read('.devcontainer/Dockerfile'))![1]!.split(' ')
  const inDocuments = globSync(['*.md', 'docs/*.md'], { cwd: root })
    .flatMap((file) => blocksOf(read(file)))
    .filter(({ language }) => language === 'sh' || language === '')
    .flatMap(({ text }) => text.split(/\n|\|+|&&|\$\(/))
    .flatMap((line) => /^\s*([a-z][\w-]*)(?=\s|$)/.exec(line)?.[1] ?? [])
    .filter((word) => word in debianPackages || elsewhere.test(word))
  const inCode = globSync(['cli/**/*.{ts,mjs}', 'emulators/**/*.ts', 'test/**/*.ts'], {
    cwd: root,
    exclude: ['**/node_modules/**'],
  }).flatMap((file) =>
    [...read(file).matchAll(/\b(?:spawn|spawnSync|execFile|execFileSync)\('([\w-]+)'/g)].map(([, name]) => name!),
  )
  const used = new Set([...inDocuments, ...inCode].filter((word) => !elsewhere.test(word)))
  expect([...used]).toEqual(expect.arrayContaining(['curl', 'git', 'python3']))
  expect([...used].filter((word) => !installed.includes(debianPackages[word] ?? word))).toEqual([])
})

const scripts = Object.keys(json<{ scripts: Readonly<Record<string, string>> }>('package.json').scripts)
/** The script of `npm ARGUMENTS`, as npm understands them. */
const scriptOf = ([first, second]: readonly string[]): string | undefined => (first === 'run' ? second : first)
/** The values that the editor puts in place of its variables. */
const substituted = (word: string): string =>
  word
    .replaceAll('${relativeFile}', 'shared/base/ids.test.ts')
    .replaceAll('${relativeFileDirname}', 'shared/base')
    .replaceAll('${input:service}', services[0]!.name)

it('each launch configuration starts an existing script, or attaches', () => {
  const { configurations } = json<{
    configurations: readonly { request: string; runtimeExecutable?: string; runtimeArgs?: readonly string[] }[]
  }>('.vscode/launch.json')
  for (const { request, runtimeExecutable, runtimeArgs = [] } of configurations)
    if (request === 'launch')
      expect([runtimeExecutable, scripts]).toEqual(['npm', expect.arrayContaining([scriptOf(runtimeArgs)])])
})

it('one launch configuration attaches where npm start -- --inspect opens the inspector, and again after a restart', () => {
  const { configurations } = json<{ configurations: readonly { port?: number }[] }>('.vscode/launch.json')
  const port = Number(/INSPECTOR_PORT = (\d+)/.exec(read('emulators/run.ts'))![1])
  const attaching = configurations.filter((configuration) => configuration.port !== undefined)
  expect(attaching).toMatchObject([{ request: 'attach', address: '127.0.0.1', port, restart: true }])
})

interface Task {
  readonly label: string
  readonly type: string
  readonly script?: string
  readonly command?: string
  readonly args?: readonly string[]
}

it('the tasks run the check and the tests, each with options that its script takes', () => {
  const { tasks, inputs } = json<{ tasks: readonly Task[]; inputs: readonly { id: string }[] }>('.vscode/tasks.json')
  const run = tasks.map(({ type, script, command, args = [] }) => {
    if (type === 'npm') return script
    expect([type, command]).toEqual(['shell', 'npm'])
    return scriptOf(args)
  })
  expect(scripts).toEqual(expect.arrayContaining(run))
  expect(run).toEqual(expect.arrayContaining(['check', 'test', 'test:quick', 'start']))
  const typed = read('.vscode/tasks.json').matchAll(/\$\{input:(\w+)\}/g)
  expect([...new Set([...typed].map(([, id]) => id))]).toEqual(inputs.map(({ id }) => id))
  for (const { args = [] } of tasks) {
    const [words, script] = [args.slice(args.indexOf('--') + 1).map(substituted), scriptOf(args)]
    if (script === undefined || script === 'test') continue
    const { scripts: lines } = json<{ scripts: Readonly<Record<string, string>> }>('package.json')
    const [, ...file] = lines[script]!.split(' ')
    const { status, stderr } = spawnSync(process.execPath, [...file, ...words, '--help'], {
      cwd: root,
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([0, ''])
  }
})

it("the editor's formatter is a recommended extension", () => {
  const settings = json<Readonly<Record<string, unknown>>>('.vscode/settings.json')
  const { recommendations } = json<{ recommendations: readonly string[] }>('.vscode/extensions.json')
  expect(recommendations).toContain(settings['editor.defaultFormatter'])
})

it.each(globSync('.github/ISSUE_TEMPLATE/*.yml', { cwd: root }).filter((file) => !file.endsWith('config.yml')))(
  '%s is a valid GitHub issue form',
  (file) => {
    const form = parse(read(file)) as {
      name: string
      description: string
      body: readonly { type: string; id?: string; attributes: { label?: string; value?: string } }[]
    }
    expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String) })
    const fields = form.body.filter(({ type }) => type !== 'markdown')
    expect(fields.every(({ id, attributes }) => id !== undefined && attributes.label !== undefined)).toBe(true)
    expect(new Set(fields.map(({ id }) => id)).size).toBe(fields.length)
    expect(fields.length).toBeGreaterThan(0)
  },
)
