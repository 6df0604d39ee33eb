/** The grants of a policy. */

export interface Grant {
  readonly resource: string
  readonly role: string
  readonly member: string
  /** The expression of the condition; empty: none. */
  readonly condition: string
}

export interface Policy {
  readonly bindings?: readonly {
    readonly role: string
    readonly members?: readonly string[]
    readonly condition?: { readonly expression?: string }
  }[]
}

/** The grants of a policy as it was read. */
export const grantsOf = (resource: string, { bindings = [] }: Policy): Grant[] =>
  bindings.flatMap(({ role, members = [], condition }) =>
    members.map((member) => ({ resource, role, member, condition: condition?.expression ?? '' })),
  )
