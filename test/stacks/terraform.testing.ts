/** Terraform with Google's provider, if both are installed: it plans stacks without an account and without a call of Google. */

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unprovisioned } from 'local-google-cloud'
import type { StackJson } from 'local-google-cloud'
import { resourcesOf } from '../../emulators/start.ts'

/** A plausible digest: the default is refused. */
export const someDigest = `sha256:${'1'.repeat(64)}`

export interface Change {
  readonly address: string
  readonly type: string
  readonly actions: readonly string[]
  /** The attributes that Terraform would send. */
  readonly after: Readonly<Record<string, unknown>> | null
}

export interface Terraform {
  /** The reason why it is missing, in one line. */
  readonly missing: string | undefined
  /** The output of `terraform validate`. */
  validate(stack: StackJson): Promise<string>
  /** A plan without existing resources. @throws Error with Terraform's message. */
  plan(stack: StackJson, digest?: string): Promise<string>
  /** A plan with the resources of `before` in the state. */
  change(before: StackJson, after: StackJson): Promise<readonly Change[]>
  /** A plan that destroys all resources of the stack, as if they existed. @throws Error with Terraform's message. */
  destroy(stack: StackJson): Promise<string>
  /**
   * Applies the stack to the APIs at `origin`, then plans once more. Returns the plan's text, or undefined without a difference.
   * Types without a local part are left out. @throws Error with Terraform's message.
   */
  apply(stack: StackJson, origin: string): Promise<string | undefined>
  remove(): void
}

interface PlanJson {
  readonly planned_values: {
    readonly root_module: { readonly resources?: readonly PlannedResource[] }
  }
  readonly resource_changes?: readonly {
    readonly address: string
    readonly type: string
    readonly change: Pick<Change, 'actions' | 'after'>
  }[]
}

interface PlannedResource {
  readonly type: string
  readonly name: string
  readonly provider_name: string
  readonly schema_version: number
  readonly values: Readonly<Record<string, unknown>>
}

/** @throws Error if it was asked for, and is missing: a test that is skipped proves nothing. */
export function findTerraform(first: StackJson): Terraform {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-terraform-'))
  const env = {
    ...process.env,
    CHECKPOINT_DISABLE: '1',
    // One copy of the provider for all stacks.
    TF_DATA_DIR: join(folder, '.terraform'),
    // Any token will do: without state and data sources no request is sent.
    GOOGLE_OAUTH_ACCESS_TOKEN: 'invalid-token',
  }
  const missing = prepare(folder, env, first)
  if (missing !== undefined && process.env['MILLRACE_TERRAFORM'])
    throw new Error(`MILLRACE_TERRAFORM is set, but ${missing}`)
  const run = (args: readonly string[], digest = someDigest): Promise<{ code: number | null; output: string }> =>
    new Promise((resolve, reject) => {
      const variables = { ...env, TF_VAR_image_digest: digest }
      const child = spawn('terraform', args, { cwd: folder, env: variables, stdio: ['ignore', 'pipe', 'pipe'] })
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
      child.stderr.on('data', (chunk: Buffer) => (output += String(chunk)))
      child.on('error', reject)
      child.on('close', (code) => resolve({ code, output }))
    })
  const checked = async (args: readonly string[], digest?: string): Promise<string> => {
    const { code, output } = await run(args, digest)
    if (code !== 0) throw new Error(`terraform ${args[0]} failed:\n${output}`)
    return output
  }
  /** Writes the only stack of the folder. */
  const place = (json: object): void => {
    rmSync(join(folder, 'terraform.tfstate'), { force: true })
    writeFileSync(join(folder, 'cdk.tf.json'), JSON.stringify(json))
  }
  const plan = ['plan', '-input=false', '-no-color', '-refresh=false', '-lock=false', '-out=plan']
  const planned = async (): Promise<PlanJson> => {
    await checked(plan)
    return JSON.parse(await checked(['show', '-json', 'plan'])) as PlanJson
  }
  const states = new Map<StackJson, object>()
  const stateAfter = async (stack: StackJson): Promise<object> => {
    place(literal(stack))
    const state = states.get(stack) ?? stateOf(await planned())
    states.set(stack, state)
    return state
  }

  return {
    missing,
    async validate({ json }) {
      place(withoutBackend(json))
      return (await run(['validate', '-no-color'])).output.trim()
    },
    async plan({ json }, digest) {
      place(withoutBackend(json))
      return checked(plan, digest)
    },
    async change(before, after) {
      const state = await stateAfter(before)
      place(literal(after))
      writeFileSync(join(folder, 'terraform.tfstate'), JSON.stringify(state))
      return changes(await planned())
    },
    async destroy(stack) {
      const state = await stateAfter(stack)
      place(literal(stack))
      writeFileSync(join(folder, 'terraform.tfstate'), JSON.stringify(state))
      return checked([...plan, '-destroy'])
    },
    async apply(stack, origin) {
      place(withoutBackend(toLocalCloud(stack, origin)))
      const state = `-state=${stack.name}.tfstate`
      await checked(['apply', '-auto-approve', '-input=false', '-no-color', '-parallelism=20', state])
      const { code, output } = await run(['plan', '-detailed-exitcode', '-input=false', '-no-color', state])
      return code === 0 ? undefined : output
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** The reason why it can't be used, or undefined. The provider is large, so it is fetched only on request. */
function prepare(folder: string, env: NodeJS.ProcessEnv, { json }: StackJson): string | undefined {
  const configured = process.env['TF_CLI_CONFIG_FILE']
  if (!process.env['MILLRACE_TERRAFORM'] && !(configured && existsSync(configured)))
    return 'set MILLRACE_TERRAFORM=1 to have it, with the provider that it fetches'
  if (spawnSync('terraform', ['version'], { stdio: 'ignore' }).status !== 0) return 'terraform is not installed'
  mkdirSync(join(folder, '.terraform'))
  writeFileSync(join(folder, 'cdk.tf.json'), JSON.stringify(withoutBackend(json)))
  const { status, stderr } = spawnSync('terraform', ['init', '-input=false', '-no-color'], {
    cwd: folder,
    env,
    encoding: 'utf8',
    timeout: 300_000,
  })
  if (status === 0) return undefined
  return `the provider is not at hand: ${stderr.split('\n').find((line) => line.startsWith('Error')) ?? stderr.trim()}`
}

/** Removes the backend: the bucket is not readable here. */
const withoutBackend = (json: StackJson['json']): object => ({
  ...json,
  terraform: { ...json.terraform, backend: undefined },
})

/**
 * The setting of the provider by which each of the APIs is called, with the path before what its client adds: those of IAM and
 * of the Resource Manager add the version themselves. The beginning of a resource's type names its API.
 */
const apis: Readonly<Record<string, readonly [setting: string, path: string]>> = {
  google_pubsub: ['pubsub_custom_endpoint', '/v1/'],
  google_bigquery: ['big_query_custom_endpoint', '/bigquery/v2/'],
  google_cloud_run_v2: ['cloud_run_v2_custom_endpoint', '/v2/'],
  google_cloud_tasks: ['cloud_tasks_custom_endpoint', '/v2/'],
  google_cloud_scheduler: ['cloud_scheduler_custom_endpoint', '/v1/'],
  google_firestore: ['firestore_custom_endpoint', '/v1/'],
  google_secret_manager: ['secret_manager_custom_endpoint', '/v1/'],
  google_service_account: ['iam_custom_endpoint', '/'],
  google_project_iam: ['resource_manager_custom_endpoint', '/'],
}

const endpoints = (origin: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.values(apis).map(([setting, path]) => [setting, `${origin}${path}`]))

/** The types of resources that Terraform would make at Google, since no setting sends the provider to the local cloud. */
export const withoutEndpoint = (stacks: readonly StackJson[]): string[] => {
  const types = new Set(stacks.flatMap(({ json }) => Object.keys(json.resource ?? {})).filter(isLocal))
  return [...types].filter((type) => !Object.keys(apis).some((api) => type === api || type.startsWith(`${api}_`)))
}

/** An audit configuration has no local part, but it is a part of a policy, which has one. */
const isLocal = (type: string): boolean =>
  type === 'google_project_iam_audit_config' || !Object.hasOwn(unprovisioned, type)

/** How many resources of the stack are applied to the local cloud. */
export const localResources = ({ json }: StackJson): number =>
  Object.entries(json.resource ?? {}).reduce(
    (sum, [type, all]) => sum + (isLocal(type) ? Object.keys(all).length : 0),
    0,
  )

/** The stack with the resources that the local cloud has, at its address, and without the minutes that Google takes for grants. */
function toLocalCloud({ json }: StackJson, origin: string): StackJson['json'] {
  const kept = Object.entries(json.resource ?? {}).filter(([type]) => isLocal(type))
  const resource = Object.fromEntries(
    kept.map(([type, all]) => [
      type,
      Object.fromEntries(
        Object.entries(all).map(([id, { depends_on: before, ...others }]) => {
          const local = (before as string[] | undefined)?.filter((address) => isLocal(address.split('.')[0]!))
          // Undefined is left out of the JSON.
          return [id, { ...others, provisioner: undefined, depends_on: local }]
        }),
      ),
    ]),
  )
  const text = JSON.stringify(resource).replaceAll(/\$\{(google_\w+)\.[\w-]+\.\w+\}/g, (reference, type: string) =>
    isLocal(type) ? reference : 'not-local',
  )
  const [google] = json.provider!.google!
  return {
    ...json,
    resource: JSON.parse(text) as NonNullable<StackJson['json']['resource']>,
    provider: { google: [{ ...google, ...endpoints(origin) }] },
  }
}

/** The stack with every reference replaced by its value, so that a plan knows all attributes. */
function literal(stack: StackJson): object {
  const resource: Record<string, Record<string, unknown>> = {}
  for (const { type, address, attributes } of resourcesOf([stack])) {
    const id = address.slice(type.length + 1)
    const { project, ...others } = attributes
    const declared = stack.json.resource![type]![id]!
    const { lifecycle } = declared
    resource[type] = {
      ...resource[type],
      [id]: { ...('project' in declared ? { project } : {}), ...others, ...(lifecycle ? { lifecycle } : {}) },
    }
  }
  const { variable: _, ...json } = stack.json
  // Literal values stay unchanged.
  return { ...withoutBackend(json), resource: JSON.parse(JSON.stringify(resource).replaceAll('${', () => '$${')) }
}

/** The state after that plan, as if it had been applied: attributes that only Google knows stay empty. */
function stateOf({ planned_values: { root_module: root } }: PlanJson): object {
  return {
    version: 4,
    serial: 1,
    lineage: '00000000-0000-0000-0000-000000000000',
    outputs: {},
    resources: (root.resources ?? []).map(({ type, name, provider_name: provider, schema_version, values }) => ({
      mode: 'managed',
      type,
      name,
      provider: `provider["${provider}"]`,
      instances: [{ schema_version, attributes: { ...values, id: name } }],
    })),
  }
}

const changes = ({ resource_changes: all = [] }: PlanJson): Change[] =>
  all.map(({ address, type, change: { actions, after } }) => ({ address, type, actions, after }))
