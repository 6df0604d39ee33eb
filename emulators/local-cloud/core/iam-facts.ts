/** A plugin's declarations for IAM: its resources with allow policies, and the permissions of roles on them. */

/** One kind of resource that has an allow policy, as its own API serves it. */
export interface PolicyKind {
  /** Its full name, with a word in braces for each id: `projects/{project}/topics/{topic}`. */
  readonly name: string
  /** How permissions call it: `pubsub.topics`, as in `pubsub.topics.setIamPolicy`. */
  readonly permissions: string
  /** The prefixes of the name in a path (`/v1`), the usual one first. */
  readonly prefixes: readonly [string, ...string[]]
  /** The HTTP method of its `getIamPolicy`. */
  readonly read: 'GET' | 'POST'
  /** Whether a role makes sense on it that allows nothing of this API, as on a project (default: it is refused). */
  readonly takesAnyRole?: boolean
}

export interface IamFacts {
  readonly policies?: readonly PolicyKind[]
  /** Permissions of this service by role; several plugins may add to one role. */
  readonly roles?: Readonly<Record<string, readonly string[]>>
}
