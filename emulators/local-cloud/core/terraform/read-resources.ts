/** Reads synthesized stacks like Terraform: resolves variables and references, and sorts resources by their dependencies. */

import { attributesOf } from './attributes.ts'
import type { Computed, Provisioning } from './provisioner.ts'
import type { TerraformResource } from './resource.ts'
import { unprovisioned } from './unprovisioned.ts'

/** A `cdk.tf.json`, of which the local cloud reads provider, variables, resources and moves. */
export interface StackJson {
  readonly name: string
  readonly json: {
    readonly provider?: { readonly google?: readonly Record<string, unknown>[] }
    readonly variable?: Readonly<Record<string, { readonly default?: unknown }>>
    readonly resource?: Readonly<Record<string, Readonly<Record<string, Attributes>>>>
    readonly moved?: readonly { readonly from: string; readonly to: string }[]
    readonly removed?: readonly { readonly from: string; readonly lifecycle: { readonly destroy: false } }[]
    readonly terraform?: Readonly<Record<string, unknown>>
    readonly data?: Readonly<Record<string, unknown>>
  }
}

type Attributes = Readonly<Record<string, unknown>>

type TerraformTypes = Readonly<Record<string, { readonly computed?: Computed }>>

interface Node {
  readonly type: string
  readonly address: string
  readonly attributes: Attributes
}

/** Arguments for Terraform itself, which are not sent to Google's APIs. */
const metaArguments = new Set([
  '//',
  'depends_on',
  'lifecycle',
  'provider',
  'count',
  'for_each',
  'provisioner',
  'connection',
])
const reference = /\$\{([^}]+)\}/g

/**
 * All resources, by stack in the given order, and each after the resources that it refers to. A reference may name an attribute
 * that Google's provider computes, such as `id`: the plugins compute these (`computed`).
 * @throws Error that names the stack, the resource and the reference that can't be resolved.
 */
export function readResources(stacks: readonly StackJson[], plugins: readonly Provisioning[]): TerraformResource[] {
  const types: TerraformTypes = Object.assign({}, unprovisioned, ...plugins.map(({ terraform }) => terraform))
  return stacks.flatMap((stack) => readStack(stack, types))
}

function readStack({ name, json }: StackJson, types: TerraformTypes): TerraformResource[] {
  const project = json.provider?.google?.[0]?.['project']
  const nodes = new Map<string, Node>()
  for (const [type, byName] of Object.entries(json.resource ?? {})) {
    for (const [id, attributes] of Object.entries(byName)) {
      const address = `${type}.${id}`
      nodes.set(address, {
        type,
        address,
        attributes: typeof project === 'string' ? { project, ...attributes } : attributes,
      })
    }
  }
  const resolved = new Map<string, TerraformResource>()
  const resolving = new Set<string>()

  const visit = (node: Node): TerraformResource => {
    const done = resolved.get(node.address)
    if (done) return done
    if (resolving.has(node.address)) throw new Error(`${name}: ${node.address} depends on itself.`)
    resolving.add(node.address)
    for (const other of dependsOn(node)) visit(find(node, other))
    const attributes = Object.fromEntries(
      Object.entries(node.attributes)
        .filter(([key]) => !metaArguments.has(key))
        .map(([key, value]) => [key, resolve(value, node)]),
    )
    const { type, address } = node
    const resource = { type, address, formerAddresses: formerAddresses(address, json.moved), stack: name, attributes }
    resolved.set(node.address, resource)
    return resource
  }

  const find = (from: Node, address: string): Node => {
    const found = nodes.get(address)
    if (!found) throw new Error(`${name}: ${from.address} refers to ${address}, which this stack does not declare.`)
    return found
  }

  const resolve = (value: unknown, from: Node): unknown => {
    if (typeof value === 'string') return resolveText(value, from)
    if (Array.isArray(value)) return value.map((one) => resolve(one, from))
    if (value && typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolve(one, from)]))
    }
    return value
  }

  const resolveText = (text: string, from: Node): unknown => {
    const whole = /^\$\{([^}]+)\}$/.exec(text)
    if (whole) return lookUp(whole[1]!, from)
    // `$${` is Terraform's escape for a literal `${`.
    return text
      .replaceAll(/\$\$\{/g, '\u0000')
      .replaceAll(reference, (_, expression: string) => String(lookUp(expression, from)))
      .replaceAll('\u0000', '${')
  }

  const lookUp = (expression: string, from: Node): unknown => {
    const variable = /^var\.([\w-]+)$/.exec(expression)
    if (variable) {
      const value = json.variable?.[variable[1]!]?.default
      if (value === undefined)
        throw new Error(`${name}: ${from.address} needs the variable ${variable[1]}, which has no default.`)
      return value
    }
    const attribute = /^([\w-]+\.[\w-]+)\.(\w+)$/.exec(expression)
    if (!attribute)
      throw new Error(
        `${name}: ${from.address} holds the expression \${${expression}}, which the local cloud does not evaluate.`,
      )
    const target = visit(find(from, attribute[1]!))
    const value = attributeOf(target, attribute[2]!, types)
    if (value === undefined)
      throw new Error(`${name}: ${from.address} reads ${expression}, which the local cloud does not know.`)
    return value
  }

  for (const node of nodes.values()) visit(node)
  // A Map keeps the order in which they were resolved: each after the resources that it refers to.
  return [...resolved.values()]
}

/** The newest first, as far as the `moved` blocks lead back. */
function formerAddresses(address: string, moved: StackJson['json']['moved'] = []): string[] {
  const former = moved.find(({ to }) => to === address)?.from
  const earlier = moved.filter(({ to }) => to !== address)
  return former === undefined ? [] : [former, ...formerAddresses(former, earlier)]
}

function dependsOn(node: Node): string[] {
  const explicit = node.attributes['depends_on']
  return Array.isArray(explicit) ? explicit.map(String) : []
}

/** The declared value of an attribute, or else the value that Google's provider would compute. */
function attributeOf(resource: TerraformResource, name: string, types: TerraformTypes): unknown {
  const written: unknown = resource.attributes[name]
  return written ?? types[resource.type]?.computed?.(attributesOf(resource))[name]
}
