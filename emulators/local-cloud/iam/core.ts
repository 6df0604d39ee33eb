/** The state of IAM: accounts, the policies of every resource, and the tokens that it issues. */

import type { CloudContext } from '../core/plugin.ts'
import { accounts, type Accounts } from './accounts/accounts.ts'
import { tokens, type Tokens } from './accounts/tokens.ts'
import { unservedFacts } from './iam.ts'
import { policies, type Policies } from './policies/policies.ts'
import { declaredPolicies, type PolicyKinds } from './policies/policy-kinds.ts'
import { declaredRoles } from './policies/roles.ts'

/** The queries of other emulators to IAM. */
export interface IamCore extends Tokens, Pick<Policies, 'bindings' | 'isGranted' | 'usedGrants'> {}

export interface IamState {
  readonly accounts: Accounts
  readonly kinds: PolicyKinds
  readonly policies: Policies
  readonly tokens: Tokens
  readonly core: IamCore
}

export async function createState(context: CloudContext): Promise<IamState> {
  const known = accounts(context)
  const kinds = declaredPolicies(context.iamFacts)
  const roles = declaredRoles([...context.iamFacts, unservedFacts])
  const allow = policies(context, { accounts: known, roles, kinds })
  const issuer = await tokens(context, known)
  const { bindings, isGranted, usedGrants } = allow
  return {
    accounts: known,
    kinds,
    policies: allow,
    tokens: issuer,
    core: { ...issuer, bindings, isGranted, usedGrants },
  }
}
