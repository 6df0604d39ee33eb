/** Finds install commands other than `npm ci --ignore-scripts`, which installs the lockfile's packages without running scripts. */

import { type Code, UNKNOWN } from './code.ts'
import { readDockerfile } from './dockerfile.ts'
import { readBuild } from './images.ts'
import { commandsOf } from './shell.ts'
import { at, isText, listOf, readYaml, textsAt } from './yaml.ts'

const remedy = 'only npm ci --ignore-scripts installs the packages of the lockfile, and runs no script'
/** npm has some forty commands that install, misspelt ones included, so this lists the commands that do not. */
const harmless = new Set(['--version', '-v', 'audit', 'help', 'ls', 'outdated', 'run', 'sbom', 'start', 'test', 'view'])
/** Programs that always fetch. */
const fetching = /^(?:npx|pnpx|pnpm|yarn|bunx?|corepack|deno|pipx|uvx?|curl|wget)$/
/** Programs that fetch with certain arguments; all programs do with an install command. */
const installCommands: Readonly<Record<string, RegExp>> = {
  apk: /^add$/,
  docker: /^(?:pull|run|create)$/,
  git: /^(?:clone|pull)$/,
  go: /^(?:get|run)$/,
  podman: /^(?:pull|run|create)$/,
}

/** Searches scripts and other shell input. The program may be anywhere in a command, for example after `sudo` or `xargs`. */
export function findInShell(script: string): string[] {
  return commandsOf(script)
    .flatMap((words) => {
      const found = words.map((_, index) => words.slice(index)).filter(installs)
      return found.length === 0 && words.slice(1).includes('install') ? [words] : found
    })
    .map(refuse)
}

export function findInDockerfile(text: string): string[] {
  return readDockerfile(text).flatMap(({ name, words, body }) => [
    ...(/^(?:RUN|CMD|ENTRYPOINT|HEALTHCHECK)$/.test(name) ? findInShell(words) : []),
    ...findInShell(body),
  ])
}

/** Packages of the distribution are signed, have no lockfile, and are in nothing that is deployed. */
export const findInDevelopmentContainer = (text: string): string[] =>
  findInDockerfile(
    text.replaceAll(/\bapt-get install(?: --[a-z-]+)*(?: [a-z][a-z0-9.+-]*)+(?=\s*(?:\\|&|;|$))/gm, 'apt-get'),
  )

/** Searches workflows and actions. */
export const findInWorkflow = (text: string): string[] => textsAt(readYaml(text), 'run').flatMap(findInShell)

/** Searches scripts, and entrypoints with arguments; a builder of Cloud Build is named after the program that it runs. */
export function findInCloudBuild(text: string): string[] {
  return readBuild(text).steps.flatMap((step) => {
    const [builder] = String(at(step, 'name')).split('/').at(-1)!.split(/[:@]/)
    const command = [at(step, 'entrypoint') ?? builder, ...listOf(at(step, 'args'))]
    return [command.join(' '), at(step, 'script')].filter(isText).flatMap(findInShell)
  })
}

/** Searches programs: shell commands, arguments of npm, and lists that may become its arguments. */
export function findInCode({ texts, lists }: Code): string[] {
  const piped = texts.flatMap((one) => /\b(?:curl|wget)\b.*\|\s*\w*sh\b/.exec(one) ?? []).map((one) => [one])
  const commands = texts.flatMap(commandsOf).filter(isCommand)
  const calls = lists.filter((words) => words[1] !== UNKNOWN && installs(words))
  const arguments_ = texts.some((one) => /^npm(?:\.cmd)?$|npm-cli|npm_execpath/.test(one))
    ? lists.filter(listInstalls)
    : []
  return [...new Set([...piped, ...commands, ...calls, ...arguments_.map((words) => ['npm', ...words])].map(refuse))]
}

/** A command, not a sentence that begins with npm. A command shown to people may contain curl. */
function isCommand([program, ...words]: readonly string[]): boolean {
  if (program === 'npm') return !isHarmless(words) && listInstalls(words)
  return program !== 'curl' && program !== 'wget' && installs([program!, ...words])
}

const refuse = (words: readonly string[]): string => `${words.join(' ')} — ${remedy}`

function installs([path = '', ...words]: readonly string[]): boolean {
  const program = path
    .split('/')
    .at(-1)!
    .replace(/^[@-]+|\.(?:cmd|exe)$/g, '')
  if (fetching.test(program)) return true
  if (program === 'npm') return words.length > 0 && !isHarmless(words) && !isLocked(words)
  const isInstall =
    words.some((word) => installCommands[program]?.test(word)) && !words.some((word) => /@sha256:/.test(word))
  return isInstall || (words[0] === 'install' && /^[a-z]/.test(program))
}

const isHarmless = ([command, ...words]: readonly string[]): boolean =>
  harmless.has(command!) && !(command === 'audit' && words.includes('fix'))

/** Arguments after `--` are not options; `--ignore-scripts=false`, `--ignore-scripts false` and `--no-ignore-scripts` turn it off again. */
function isLocked([command, ...words]: readonly string[]): boolean {
  const end = words.indexOf('--')
  const options = end === -1 ? words : words.slice(0, end)
  const mentions = options.filter((word) => /^--(?:no-)?ignore-s/.test(word))
  const next = options[options.indexOf('--ignore-scripts') + 1]
  return command === 'ci' && mentions.length === 1 && mentions[0] === '--ignore-scripts' && next !== 'false'
}

function listInstalls(words: readonly string[]): boolean {
  const start = words.findIndex((word) => /^(?:ci|install|i|add|update|exec|x|install-.+|clean-install)$/.test(word))
  return start !== -1 && !isLocked(words.slice(start))
}
