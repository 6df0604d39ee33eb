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
    const [before, after = ''] = to.split('*') as [string, string?]
    const isMoved = to.includes('*')
      ? path.startsWith(before) && path.endsWith(after) && path.length > before.length + after.length
      : path === to
    if (!isMoved) continue
    const former = from.replace('*', path.slice(before.length, path.length - after.length))
    return [former, ...formerPaths(former)]
  }
  return []
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
function idOf(path: string): string {
  const names = path.split('/')
  const stack = new TerraformStack(new App(), 'former')
  const scope = names.slice(0, -1).reduce<Construct>((parent, name) => new Construct(parent, name), stack)
  return new TerraformElement(scope, names.at(-1)!).friendlyUniqueId
}
