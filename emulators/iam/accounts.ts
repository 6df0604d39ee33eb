/** Service accounts: https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts */

import type { CloudContext } from '../core/plugin.ts'
import { alreadyExists, invalidArgument, notFound } from '../core/status.ts'

export interface ServiceAccount {
  readonly name: string
  readonly projectId: string
  readonly uniqueId: string
  readonly email: string
  readonly displayName?: string
  readonly description?: string
}

export interface Accounts {
  create(projectId: string, request: { accountId?: string; serviceAccount?: Partial<ServiceAccount> }): ServiceAccount
  get(name: string): ServiceAccount
  update(name: string, change: Partial<ServiceAccount>): ServiceAccount
  delete(name: string): void
  list(projectId: string): ServiceAccount[]
  find(email: string): ServiceAccount | undefined
}

/** 6 to 30 characters, lower-case letters, digits and hyphens, beginning with a letter, not ending with a hyphen. */
const accountIdRule = /^[a-z]([-a-z0-9]{4,28}[a-z0-9])$/

export function accounts(context: CloudContext): Accounts {
  const table = context.journal.table<ServiceAccount>('iam/accounts')
  const find = (email: string): ServiceAccount | undefined => table.get(email)
  /** `projects/p/serviceAccounts/email`, where p may be `-`. */
  const get = (name: string): ServiceAccount => {
    const email = name.split('/').at(-1)!
    const found = find(email)
    if (!found) throw notFound(`Service account ${name} does not exist.`)
    return found
  }
  return {
    find,
    get,
    create(projectId, { accountId, serviceAccount = {} }) {
      if (!accountId || !accountIdRule.test(accountId)) {
        throw invalidArgument(
          `The account ID "${accountId}" does not have a length between 6 and 30, or is not of lower-case letters, digits and hyphens beginning with a letter.`,
        )
      }
      const email = `${accountId}@${projectId}.iam.gserviceaccount.com`
      const name = `projects/${projectId}/serviceAccounts/${email}`
      if (table.has(email))
        throw alreadyExists(`Service account ${accountId} already exists within project projects/${projectId}.`)
      const { displayName, description } = serviceAccount
      const made: ServiceAccount = {
        name,
        projectId,
        // 21 digits, as Google's numeric ids have.
        uniqueId: `1${BigInt(`0x${context.newId()}`).toString().padStart(20, '0')}`.slice(0, 21),
        email,
        ...(displayName === undefined ? {} : { displayName }),
        ...(description === undefined ? {} : { description }),
      }
      table.set(email, made)
      return made
    },
    update(name, { displayName, description }) {
      const current = get(name)
      const changed = {
        ...current,
        ...(displayName === undefined ? {} : { displayName }),
        ...(description === undefined ? {} : { description }),
      }
      table.set(current.email, changed)
      return changed
    },
    delete: (name) => void table.delete(get(name).email),
    list: (projectId) => [...table.values()].filter((account) => account.projectId === projectId),
  }
}
