/** Checks names for new services, events, commands, queries and emulators. An error has the rule and a valid example. */

import {
  accountId,
  databaseName,
  operationsAccountId,
  pushAccountId,
  queueName,
  republishCommand,
} from '../../shared/base/names.ts'
import { deadLetterCommands } from '../../shared/messaging/dead-letter-commands.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import type { Service } from '../../shared/service/service.ts'
import { imageBuilderId } from '../../stacks/environments.ts'
import { validName } from '../../stacks/naming-rules.ts'
import { UsageError } from '../command.ts'
import { nearestOrAll } from '../../shared/base/nearest.ts'
import { isIdentifier } from './edit.ts'

/** `spare-parts` → `spareParts`, `SpareParts` → `spareParts` */
export const camelCase = (name: string): string =>
  name
    .replace(/^[A-Z]/, (first) => first.toLowerCase())
    .replaceAll(/-([a-z0-9])/g, (_, next: string) => next.toUpperCase())
/** `GrantPoints` → `grant-points` */
export const kebabCase = (name: string): string =>
  name.replaceAll(/(?<!^)[A-Z]/g, (capital) => `-${capital}`).toLowerCase()

/** Names that are taken by the table of the runtime's events and by the dead-letter topic of BigQuery's subscriptions. */
const reserved: readonly string[] = [runtimeContracts.service, 'bigquery']
/** Stacks that belong to no service. A service of such a name would have a stack of the same name. */
const stacks: readonly string[] = ['platform', 'bus', 'observability']
/** Names that the generated files import; `operations` is taken by an account. */
const imported: readonly string[] = [
  'deliver',
  'expect',
  'implement',
  'message',
  'defineService',
  'serveQueries',
  'testPlatform',
  'apisFor',
  'apisOf',
  'defineApi',
  'edge',
  'implementEdge',
  'publicApi',
  'serveOperations',
  'access',
  'callerRoles',
  'edgeSettings',
  'tokenSettings',
]

/** @throws UsageError when Google refuses a name derived from it, when it is not a valid identifier, or when it is taken. */
export function checkServiceName(name: string, services: readonly Service[]): void {
  try {
    validName('account', accountId(name))
    validName('account', pushAccountId(name))
    validName('database', databaseName(name))
    validName('queue', queueName(name))
    validName('service', name)
  } catch {
    throw new UsageError(
      `"${name}" can't name a service: its accounts, queue and database are named for it. Take 6 to 25 lower-case letters, digits and hyphens, the first a letter and the last no hyphen, as in "my-service".`,
    )
  }
  if (!isIdentifier(camelCase(name)))
    throw new UsageError(`"${name}" can't name a service: it is a reserved word of TypeScript. Take another name.`)
  if (imported.includes(camelCase(name)))
    throw new UsageError(`"${name}" can't name a service: its files import something of that name. Take another name.`)
  if (stacks.includes(name)) throw new UsageError(`The stack "${name}" exists already. Take another name.`)
  const accounts = services.flatMap((service) => [accountId(service.name), pushAccountId(service.name)])
  const taken = [...accounts, operationsAccountId, imageBuilderId].find(
    (account) => account === accountId(name) || account === pushAccountId(name),
  )
  if (taken) throw new UsageError(`The service account "${taken}" exists already. Take another name than "${name}".`)
  if (reserved.includes(name))
    throw new UsageError(`A table or a dead-letter topic named for "${name}" exists already. Take another name.`)
}

/** @throws UsageError */
export function checkEventType(type: string, services: readonly Service[]): void {
  const isWellFormed = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*\.[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(type) && type.length <= 100
  if (!isWellFormed || type.startsWith('goog'))
    throw new UsageError(
      `"${type}" can't name an event: its topic is named for it. Take a noun, a dot and a verb in the past, in lower case, at most 100 characters, not beginning with goog, as in "points.granted".`,
    )
  const owner = ownerOfEvent(type, services)
  if (owner) throw new UsageError(`The event ${type} exists already: ${owner} owns it. Take another name.`)
}

/** @throws UsageError */
export function checkCommandName(name: string, services: readonly Service[]): void {
  if (!/^[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+$/.test(name) || name.length > 60)
    throw new UsageError(
      `"${name}" can't name a command. Take a verb and a noun, each with a capital letter, at most 60 characters, as in "GrantPoints".`,
    )
  const isRuntimes = [republishCommand, ...deadLetterCommands].includes(name)
  const owner = isRuntimes
    ? 'the runtime'
    : services.find((service) => Object.hasOwn(service.contracts.commands, name))?.name
  if (owner) throw new UsageError(`The command ${name} exists already: ${owner} owns it. Take another name.`)
}

/** @throws UsageError */
export function checkQueryName(name: string, services: readonly Service[]): void {
  if (!/^[a-z][a-z0-9]+(?:[A-Z][a-z0-9]+)+$/.test(name) || name.length > 60)
    throw new UsageError(
      `"${name}" can't name a query. Take a verb and a noun, the noun with a capital letter, at most 60 characters, as in "readPoints".`,
    )
  if (imported.includes(name))
    throw new UsageError(`"${name}" can't name a query: its files import something of that name. Take another name.`)
  const owner = services.find(({ contracts: { queries = {} } }) => Object.hasOwn(queries, name))?.name
  if (owner) throw new UsageError(`The query ${name} exists already: ${owner} owns it. Take another name.`)
}

/** @throws UsageError */
export function checkEmulatorName(name: string): void {
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name) || name.length > 40)
    throw new UsageError(
      `"${name}" can't name an emulator. Take Google's name of the service in lower case with hyphens, at most 40 characters, as in "parameter-manager".`,
    )
  if (!isIdentifier(camelCase(name)))
    throw new UsageError(`"${name}" can't name an emulator: it is a reserved word of TypeScript. Take another name.`)
}

/** @throws UsageError for an unknown name. */
export function serviceNamed(name: string | undefined, option: string, services: readonly Service[]): Service {
  const service = services.find((one) => one.name === name)
  if (service) return service
  const problem = name === undefined ? `--${option} is missing` : `There is no service "${name}"`
  const names = services.map((one) => one.name)
  throw new UsageError(`${problem}. ${nearestOrAll(name ?? '', names, `--${option} takes one of:`)}`)
}

/** The owner of a new event, command or query, which is an internal service. @throws UsageError */
export function messageOwner(name: string | undefined, services: readonly Service[], option = 'service'): Service {
  const service = serviceNamed(name, option, services)
  if (service.ingress === 'public')
    throw new UsageError(`The service ${service.name} is public, so no message reaches it. Name an internal service.`)
  return service
}

const contractsOf = (services: readonly Service[]) => [...services.map(({ contracts }) => contracts), runtimeContracts]

export const eventTypes = (services: readonly Service[]): readonly string[] =>
  contractsOf(services)
    .flatMap(({ events }) => Object.keys(events))
    .toSorted()

/** The service whose contracts have this event, `runtime` for the events that every saga publishes; undefined: there is no such event. */
export const ownerOfEvent = (type: string, services: readonly Service[]): string | undefined =>
  contractsOf(services).find(({ events }) => Object.hasOwn(events, type))?.service

export const contractsVariable = (service: string): string => `${camelCase(service)}Contracts`
