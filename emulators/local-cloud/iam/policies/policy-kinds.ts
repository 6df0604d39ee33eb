/** Which resources have allow policies, as all plugins in use declare them. */

import type { IamFacts, PolicyKind } from '../../core/iam-facts.ts'

export interface PolicyKinds {
  /** Where policies are served: each kind under each of its prefixes, `path` as the source of a pattern for its resources. */
  readonly paths: readonly { readonly kind: PolicyKind; readonly prefix: string; readonly path: string }[]
  /** The kind of a resource by its full name; undefined where such resources have no policy. */
  readonly kindOf: (resource: string) => PolicyKind | undefined
}

export function declaredPolicies(facts: readonly IamFacts[]): PolicyKinds {
  const kinds = facts.flatMap(({ policies = [] }) => policies)
  const patternOf = ({ name }: PolicyKind): string => name.replaceAll(/\{\w+\}/g, '[^/:]+')
  const known = kinds.map((kind) => ({ kind, pattern: new RegExp(`^${patternOf(kind)}$`) }))
  return {
    paths: kinds.flatMap((kind) =>
      kind.prefixes.map((prefix) => ({ kind, prefix, path: `${prefix}/(?<resource>${patternOf(kind)})` })),
    ),
    kindOf: (resource) => known.find(({ pattern }) => pattern.test(resource))?.kind,
  }
}
