/** The commands of the CDKTF CLI and their options: it ignores an option that it does not know. */
// https://developer.hashicorp.com/terraform/cdktf/cli-reference/commands, and COMMAND --help of version 0.21

import type { Declared } from '../forgotten-dashes.ts'

interface Option extends Declared {
  /** True: it takes every word up to the next option. */
  readonly isList?: true
}

const flag: Option = { kind: 'boolean' }
const value = (placeholder: string): Option => ({ kind: 'parsed', placeholder })
const list = (placeholder: string): Option => ({ kind: 'parsed', placeholder, isList: true })

export const cdktfOptions: Readonly<Record<string, Option>> = {
  app: value('COMMAND'),
  'auto-approve': flag,
  'disable-plugin-cache-env': flag,
  hcl: flag,
  help: flag,
  'ignore-missing-stack-dependencies': flag,
  'migrate-state': flag,
  'no-color': flag,
  output: value('FOLDER'),
  'outputs-file': value('FILE'),
  'outputs-file-include-sensitive-outputs': flag,
  parallelism: value('N'),
  'refresh-only': flag,
  'skip-provider-lock': flag,
  'skip-synth': flag,
  'terraform-parallelism': value('N'),
  var: list('NAME=VALUE'),
  'var-file': list('FILE'),
}

/** By letter: `-a`. */
export const shortOptions: Readonly<Record<string, string>> = { a: 'app', o: 'output', h: 'help' }

const everywhere = ['app', 'disable-plugin-cache-env', 'help', 'output']
const ofStacks = [...everywhere, 'skip-provider-lock', 'skip-synth']
const ofPlans = [...ofStacks, 'migrate-state', 'no-color', 'terraform-parallelism', 'var', 'var-file']
const outputs = ['outputs-file', 'outputs-file-include-sensitive-outputs']
const several = ['auto-approve', 'ignore-missing-stack-dependencies', 'parallelism']

export interface CdktfCommand {
  /** Absent: the words after it are not stacks. */
  readonly stacks?: 'one' | 'several'
  /** Absent: its options are not checked. */
  readonly options?: readonly string[]
}

const deploy: CdktfCommand = { stacks: 'several', options: [...ofPlans, ...several, ...outputs, 'refresh-only'] }
const diff: CdktfCommand = { stacks: 'one', options: [...ofPlans, 'refresh-only'] }
const output: CdktfCommand = { stacks: 'several', options: [...ofStacks, ...outputs] }
const synth: CdktfCommand = { options: [...everywhere, 'check-code-maker-output', 'hcl'] }
const ls: CdktfCommand = { options: everywhere }

const others = ['completion', 'convert', 'debug', 'get', 'help', 'init', 'login', 'provider']

export const cdktfCommands: Readonly<Record<string, CdktfCommand>> = {
  deploy,
  apply: deploy,
  destroy: { stacks: 'several', options: [...ofPlans, ...several] },
  diff,
  plan: diff,
  output,
  outputs: output,
  synth,
  synthesize: synth,
  list: ls,
  ls,
  watch: { stacks: 'several', options: [...everywhere, 'auto-approve', 'parallelism', 'terraform-parallelism'] },
  ...Object.fromEntries(others.map((name) => [name, {}])),
}
