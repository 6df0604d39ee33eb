/** Renamed constructs: Terraform moves their resources to the new address, where it would destroy and create them anew. */

import { Construct } from 'constructs'
import { App, TerraformElement, TerraformResource, TerraformStack } from './cdktf.ts'
import moved from './moved.json' with { type: 'json' }

interface Move {
  /** The former path in its stack; `*` is a name of the business, and the same in both. */
  readonly from: string
  readonly to: string
}

/** One for each renamed construct. It stays until every environment has been deployed with it. */
const moves: readonly Move[] = moved

/** The paths that this one has had, the newest first. */
export function formerPaths(path: string): string[] {
  for (const { from, to } of moves) {
    const name = matched(to, path)
    if (name === undefined) continue
    const former = from.replace('*', name)
    return [former, ...formerPaths(former)]
  }
  return []
}

/** The text that `*` stands for in a path that fits the pattern, empty without a `*`; undefined if it does not fit. */
export function matched(pattern: string, path: string): string | undefined {
  if (!pattern.includes('*')) return path === pattern ? '' : undefined
  const [before, after] = pattern.split('*') as [string, string]
  const fits = path.startsWith(before) && path.endsWith(after) && path.length > before.length + after.length
  return fits ? path.slice(before.length, path.length - after.length) : undefined
}

/** The `moved` blocks of a stack. Terraform passes over those whose former address its state does not have. */
export function movedBlocks(stack: TerraformStack): { readonly from: string; readonly to: string }[] {
  const resources = stack.node.findAll().filter((one) => TerraformResource.isTerraformResource(one))
  return resources.flatMap((resource) => {
    const { terraformResourceType: type, friendlyUniqueId } = resource
    let to = friendlyUniqueId
    return formerPaths(resource.node.path.slice(stack.node.path.length + 1)).map((path) => {
      const from = idOf(path)
      const block = { from: `${type}.${from}`, to: `${type}.${to}` }
      to = from
      return block
    })
  })
}

/** The id that CDKTF gives to a construct at this path. */
export function idOf(path: string): string {
  const names = path.split('/')
  const stack = new TerraformStack(new App(), 'former')
  const scope = names.slice(0, -1).reduce<Construct>((parent, name) => new Construct(parent, name), stack)
  return new TerraformElement(scope, names.at(-1)!).friendlyUniqueId
}
