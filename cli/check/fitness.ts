/** Fitness of the architecture: the descriptions and sources of all services against the rules and limits of fitness-limits.ts. */

import type { MessageContract } from '../../shared/contracts/contract.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import { databaseName } from '../../shared/base/names.ts'
import { enqueuedBy, type Service } from '../../shared/service/service.ts'
import { calleesOf } from '../../shared/service/callers.ts'
import { fitnessLimits, type LimitName } from './fitness-limits.ts'
import type { SourceSize } from './service-size.ts'

export interface Architecture {
  readonly services: readonly Service[]
  /** By service. */
  readonly sizes: Readonly<Record<string, SourceSize>>
  /** The texts of the views in BigQuery. */
  readonly views: readonly string[]
}

/** By the name of the rule. */
const rules: Readonly<Record<string, (architecture: Architecture) => readonly string[]>> = {
  'a database has one service': sharedDatabases,
  'requests form no cycle': cycles,
  'requests form no long chain': chains,
  'a service asks few others': fanOut,
  'most ways are messages': synchronousShare,
  'an event has one owner and a listener': strayEvents,
  'contracts have versions': unversioned,
  'a service has a size that a team can own': tooLarge,
}

/** One line for each violation, with its rule: empty for an architecture that is fit. */
export const findUnfit = (architecture: Architecture): readonly string[] =>
  Object.entries(rules).flatMap(([rule, violations]) => violations(architecture).map((one) => `${rule}: ${one}`))

const beyond = (name: LimitName, value: number, subject: string): readonly string[] => {
  const { max, reason } = fitnessLimits[name]
  return value > max ? [`${subject} (${value}, the limit is ${max}: ${reason})`] : []
}

/** Grants of databases follow from their names, and test/stacks/grants.test.ts has no others. */
function sharedDatabases({ services }: Architecture): readonly string[] {
  const withData = services.filter(({ collections }) => Object.keys(collections).length > 0)
  const byDatabase = Map.groupBy(withData, ({ name }) => databaseName(name))
  const shared = [...byDatabase].flatMap(([database, owners]) =>
    owners.length > 1 ? [`${owners.map(({ name }) => name).join(' and ')} have the database ${database}`] : [],
  )
  const readers = services.filter(({ readsViews }) => readsViews.length > 0).map(({ name }) => name)
  return [...shared, ...beyond('readersOfViews', readers.length, `${readers.join(', ')} read views in BigQuery`)]
}

/** Every way of requests that can not be continued, or that has reached a service for the second time. */
function waysOf(services: readonly Service[]): readonly (readonly string[])[] {
  const callees = new Map(services.map((service) => [service.name, calleesOf(service, services)]))
  const from = (way: readonly string[]): readonly (readonly string[])[] => {
    const last = way.at(-1)!
    const next = way.indexOf(last) < way.length - 1 ? [] : (callees.get(last) ?? [])
    return next.length === 0 ? [way] : next.flatMap((name) => from([...way, name]))
  }
  return services.flatMap(({ name }) => from([name]))
}

const isCycle = (way: readonly string[]): boolean => new Set(way).size < way.length

function cycles({ services }: Architecture): readonly string[] {
  // Each cycle is found from each of its services, and once more from every service that reaches it.
  const found = waysOf(services).filter((way) => isCycle(way) && way[0] === way.at(-1) && way[0] === way.toSorted()[0])
  return [...new Set(found.map((way) => way.join(' → ')))]
}

function chains({ services }: Architecture): readonly string[] {
  const ways = waysOf(services).filter((way) => !isCycle(way))
  return ways.flatMap((way) => beyond('chainOfRequests', way.length - 1, way.join(' → ')))
}

/** A public service reaches every service that has public operations: the requests of one operation are counted in traces. */
const isInternal = ({ ingress }: Service): boolean => ingress === 'internal'

function fanOut({ services }: Architecture): readonly string[] {
  return services.filter(isInternal).flatMap((service) => {
    const callees = calleesOf(service, services)
    return beyond('calledServices', callees.length, `${service.name} asks ${callees.join(', ')}`)
  })
}

function synchronousShare({ services }: Architecture): readonly string[] {
  const internal = services.filter(isInternal)
  const waysBetween = (reaches: (from: Service, to: Service) => boolean): number =>
    internal.flatMap((from) => internal.filter((to) => to !== from && reaches(from, to))).length
  const requests = waysBetween((from, to) => calleesOf(from, services).includes(to.name))
  const messages = waysBetween(
    (from, to) =>
      to.on.some((type) => from.emits.includes(type)) ||
      enqueuedBy(from).some((command) => to.accepts.includes(command)),
  )
  // Of two ways one may be a request: a share of so few says nothing.
  if (requests + messages < 6) return []
  const percent = Math.round((100 * requests) / (requests + messages))
  return beyond(
    'percentOfRequests',
    percent,
    `of ${requests + messages} ways between services ${requests} are requests`,
  )
}

function strayEvents({ services, views }: Architecture): readonly string[] {
  const ownersOf = (type: string): readonly string[] => [
    ...services.filter(({ emits }) => emits.includes(type)).map(({ name }) => name),
    ...(Object.hasOwn(runtimeContracts.events, type) ? [runtimeContracts.service] : []),
  ]
  const orphans = services.flatMap(({ name, on }) =>
    on
      .filter((type) => ownersOf(type).length !== 1)
      .map((type) => `${name} subscribes to ${type}, which ${ownersOf(type).join(' and ') || 'no service'} publishes`),
  )
  const isRead = (type: string): boolean =>
    services.some(({ on }) => on.includes(type)) || views.some((text) => text.includes(`'${type}'`))
  const unread = services.flatMap(({ name, contracts }) =>
    Object.entries(contracts.events)
      .filter(([type, { forAnalysis }]) => !forAnalysis && !isRead(type))
      .map(
        ([type]) =>
          `no service subscribes to ${type} of ${name}, and no view reads it: add a listener, set forAnalysis in its contract if people alone read it in BigQuery, or do not publish it`,
      ),
  )
  return [...orphans, ...unread]
}

function unversioned({ services }: Architecture): readonly string[] {
  const messages = services.flatMap(({ name, contracts }) =>
    Object.entries<MessageContract>({ ...contracts.events, ...contracts.recorded, ...contracts.commands }).map(
      ([type, contract]) => ({ subject: `${type} of ${name}`, ...contract }),
    ),
  )
  const broken = messages.flatMap(({ subject, version, previousVersions = {} }) => {
    if (!Number.isInteger(version) || version < 1)
      return [`${subject} has the version ${version}: give 1, or the next number`]
    const missing = Array.from({ length: version - 1 }, (_, index) => index + 1).filter((one) => !previousVersions[one])
    return missing.map((one) => `${subject} has no version ${one} in its previousVersions: stored messages may have it`)
  })
  const unversionedPaths = services.flatMap(({ name, api }) =>
    Object.values(api?.operations ?? {})
      .filter(({ path }) => !/^\/v[1-9]\d*\//.test(path))
      .map(({ method, path }) => `${method.toUpperCase()} ${path} of ${name} has no version in its path, such as /v1`),
  )
  return [...broken, ...unversionedPaths]
}

function tooLarge({ services, sizes }: Architecture): readonly string[] {
  return services.flatMap((service) => {
    const { name, emits, accepts, contracts, uses } = service
    const size = sizes[name]
    if (!size) return [`${name} has no measured sources`]
    const { file, name: functionName, complexity } = size.hardest
    return [
      ...beyond('lines', size.lines, `${name} has more lines of code than two developers rewrite`),
      ...beyond('events', emits.length, `${name} publishes many events`),
      ...beyond('commands', accepts.length, `${name} accepts many commands`),
      ...beyond('queries', Object.keys(contracts.queries ?? {}).length, `${name} answers many queries`),
      ...(isInternal(service)
        ? beyond('knownServices', uses.length, `${name} works with ${uses.map((one) => one.service).join(', ')}`)
        : []),
      ...beyond('complexity', complexity, `${file}: ${functionName} is hard to read`),
    ]
  })
}
