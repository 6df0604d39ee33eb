/** Names a misspelt command or stack before the CDKTF CLI is installed, or anything asks for credentials. */

import type { Declared } from '../forgotten-dashes.ts'
import { nearestOrAll } from '../../shared/base/nearest.ts'

/** https://developer.hashicorp.com/terraform/cdktf/cli-reference/commands */
const commands: Readonly<Record<string, { readonly takesStacks: boolean }>> = {
  ...each(['deploy', 'apply', 'destroy', 'diff', 'plan', 'output', 'outputs'], true),
  ...each(['completion', 'convert', 'debug', 'get', 'help', 'init', 'list', 'ls', 'login'], false),
  ...each(['provider', 'synth', 'synthesize', 'watch'], false),
}

/** The options of these commands; the others take words that are no stacks. */
export const cdktfOptions: Readonly<Record<string, Declared>> = {
  ...flags([
    'auto-approve',
    'force-local',
    'hcl',
    'ignore-missing-stack-dependencies',
    'include-sensitive-outputs',
    'migrate-state',
    'no-color',
    'refresh-only',
    'skip-provider-lock',
    'skip-synth',
  ]),
  app: { kind: 'parsed', placeholder: 'COMMAND' },
  output: { kind: 'parsed', placeholder: 'FOLDER' },
  'outputs-file': { kind: 'parsed', placeholder: 'FILE' },
  parallelism: { kind: 'parsed', placeholder: 'N' },
  'terraform-parallelism': { kind: 'parsed', placeholder: 'N' },
  var: { kind: 'parsed', placeholder: 'NAME=VALUE' },
  'var-file': { kind: 'parsed', placeholder: 'FILE' },
}

export interface Known {
  readonly environments: readonly string[]
  readonly services: readonly string[]
}

/** The error about the first unknown name, with the nearest one; undefined if all are known. */
export function misspelt(args: readonly string[], { environments, services }: Known): string | undefined {
  const [command, ...others] = args
  if (command === undefined || command.startsWith('-')) return undefined
  if (!Object.hasOwn(commands, command))
    return `cdktf has no command ${command}. ${nearestOrAll(command, Object.keys(commands), 'There are:')}`
  if (!commands[command]!.takesStacks || others.includes('--help')) return undefined
  const parts = stackNames(services)
  for (const stack of stacksIn(others)) {
    // Stacks of the local environment are refused later, with their own reason.
    if (stack.startsWith('local')) continue
    const known = environments.flatMap((environment) => parts.map((part) => `${environment}-${part}`))
    if (known.some((name) => matches(stack, name))) continue
    const environment = environments.find((one) => stack === one)
    if (environment !== undefined)
      return `${stack} is an environment: ${command} takes stacks, such as ${stack}-${parts[0]}, or '${stack}-*' for all of it.`
    const typedEnvironment = stack.split('-')[0]!
    return environments.includes(typedEnvironment)
      ? `There is no stack ${stack}. ${nearestOrAll(
          stack,
          known.filter((name) => name.startsWith(`${typedEnvironment}-`)),
          'There are:',
        )}`
      : `There is no environment ${typedEnvironment}. ${nearestOrAll(typedEnvironment, environments, 'There are:')}`
  }
  return undefined
}

/** The parts after the environment's name, in the order in which they are applied. */
export const stackNames = (services: readonly string[]): string[] => ['platform', 'bus', ...services, 'observability']

/** The words that are neither options nor their values. */
function stacksIn(words: readonly string[]): string[] {
  return words.filter((word, at) => {
    const before = words[at - 1]?.replace(/^--/, '') ?? ''
    const isValue = words[at - 1]?.startsWith('--') && cdktfOptions[before]?.kind !== 'boolean'
    return !word.startsWith('-') && !isValue
  })
}

/** `*` stands for any characters. */
function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[^\w-]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('.*')}$`).test(name)
}

function each(names: readonly string[], takesStacks: boolean): Record<string, { readonly takesStacks: boolean }> {
  return Object.fromEntries(names.map((name) => [name, { takesStacks }]))
}

function flags(names: readonly string[]): Record<string, Declared> {
  return Object.fromEntries(names.map((name) => [name, { kind: 'boolean' as const }]))
}
