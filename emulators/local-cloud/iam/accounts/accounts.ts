/** Service accounts: https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts */

import { createHash } from 'node:crypto'
import type { CloudContext } from '../../core/plugin.ts'
import { alreadyExists, invalidArgument, notFound } from '../../core/status.ts'
import { limits } from '../values/limits.ts'

export interface ServiceAccount {
  readonly name: string
  readonly projectId: string
  readonly uniqueId: string
  readonly email: string
  readonly displayName?: string
  readonly description?: string
  readonly etag: string
  readonly oauth2ClientId: string
  readonly disabled?: boolean
}

export interface AccountSettings {
  readonly displayName?: string
  readonly description?: string
}

export interface Accounts {
  readonly create: (projectId: string, accountId: string | undefined, settings: AccountSettings) => ServiceAccount
  /** @throws NOT_FOUND; `name` is `projects/p/serviceAccounts/email`, where p may be `-` and email the unique id. */
  readonly get: (name: string) => ServiceAccount
  readonly update: (name: string, settings: AccountSettings) => ServiceAccount
  readonly setDisabled: (name: string, disabled: boolean) => void
  readonly delete: (name: string) => void
  readonly list: (projectId: string) => ServiceAccount[]
  readonly find: (email: string) => ServiceAccount | undefined
  /** The unique id of an account that was there once, for policies that still name it. */
  readonly deletedId: (email: string) => string | undefined
}

const pattern = '[a-z]([-a-z0-9]*[a-z0-9])'

export function accounts(context: CloudContext): Accounts {
  const table = context.journal.table<ServiceAccount>('iam/accounts')
  const deleted = context.journal.table<string>('iam/deleted-accounts')
  const find = (email: string): ServiceAccount | undefined => table.get(email)

  const get = (name: string): ServiceAccount => {
    const key = name.split('/').at(-1)!
    const found = find(key) ?? [...table.values()].find(({ uniqueId }) => uniqueId === key)
    if (!found) throw notFound(`Service account ${name} does not exist.`)
    return found
  }
  const put = (account: Omit<ServiceAccount, 'etag'>): ServiceAccount => {
    const { displayName, description, disabled } = account
    const version = JSON.stringify([account.uniqueId, displayName, description, disabled])
    const written = { ...account, etag: createHash('sha256').update(version).digest('base64url').slice(0, 16) }
    table.set(account.email, written)
    return written
  }
  return {
    find,
    get,
    deletedId: (email) => deleted.get(email),
    create(projectId, accountId, settings) {
      checkProject(context, projectId)
      checkAccountId(accountId)
      const email = `${accountId}@${context.project.id}.iam.gserviceaccount.com`
      if (table.has(email)) {
        throw alreadyExists(
          `Service account ${accountId} already exists within project projects/${context.project.id}.`,
        )
      }
      // 21 digits, as Google's numeric ids have.
      const uniqueId = `1${BigInt(`0x${context.newId()}`).toString().padStart(20, '0')}`
      return put({
        name: `projects/${context.project.id}/serviceAccounts/${email}`,
        projectId: context.project.id,
        uniqueId,
        email,
        ...checked(settings),
        oauth2ClientId: uniqueId,
      })
    },
    update: (name, settings) => put({ ...get(name), ...checked(settings) }),
    setDisabled(name, disabled) {
      const { disabled: _, ...account } = get(name)
      put(disabled ? { ...account, disabled } : account)
    },
    delete(name) {
      const { email, uniqueId } = get(name)
      table.delete(email)
      deleted.set(email, uniqueId)
    },
    list(projectId) {
      checkProject(context, projectId)
      return [...table.values()].toSorted((a, b) => (a.email < b.email ? -1 : 1))
    },
  }
}

function checkProject({ project }: CloudContext, named: string): void {
  if (named !== project.id && named !== project.number) throw notFound(`Unknown project id: ${named}`)
}

function checkAccountId(accountId: string | undefined): asserts accountId is string {
  if (!accountId) throw invalidArgument('The account ID is required.')
  if (accountId.length < 6 || accountId.length > 30) {
    throw invalidArgument(`The account ID "${accountId}" does not have a length between 6 and 30.`)
  }
  if (!new RegExp(`^${pattern}$`).test(accountId)) {
    throw invalidArgument(`The account ID "${accountId}" does not match the pattern "${pattern}".`)
  }
}

function checked({ displayName, description }: AccountSettings): AccountSettings {
  if (Buffer.byteLength(displayName ?? '') > limits.displayNameBytes) {
    throw invalidArgument(`The display name is longer than ${limits.displayNameBytes} bytes: "${displayName}".`)
  }
  if (Buffer.byteLength(description ?? '') > limits.descriptionBytes) {
    throw invalidArgument(`The description is longer than ${limits.descriptionBytes} bytes: "${description}".`)
  }
  return {
    ...(displayName === undefined ? {} : { displayName }),
    ...(description === undefined ? {} : { description }),
  }
}
