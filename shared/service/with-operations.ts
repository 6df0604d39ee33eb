/** Completes the descriptions of the services by what follows from their public operations. */

import { isDeepStrictEqual } from 'node:util'
import type { Contracts } from '../contracts/contract.ts'
import type { Api } from './api.ts'
import { checkSecrets } from '../base/secret.ts'
import { mergedMembers } from './merged-members.ts'
import type { RequestObjective } from './request-objective.ts'
import { ownersOf, type Service } from './service.ts'
import { servedBy } from './versions.ts'

/**
 * A public service serves the operations of all services: it asks, submits and reads what these need, and grants, peers,
 * settings, secrets and objectives follow.
 * @throws Error for an internal service that serves them, for an operation of two services, by its name or by a request that both
 * would answer, for a secret of two services that is not the same one, and for a command that its owner does not accept from outside
 */
export function withOperations(services: readonly Service[]): readonly Service[] {
  const apis = apisOf(services)
  checkNames(apis)
  for (const { name, api, acceptsSubmitted } of services) if (api) checkSubmitted(name, api, acceptsSubmitted)
  return services.map((one) => (one.ingress === 'public' ? completed(one, apis) : one))
}

export const apisOf = (services: readonly Pick<Service, 'api'>[]): readonly Api[] =>
  services.flatMap(({ api }) => api ?? [])

/** The queries that its operations and its code at the edge ask. */
export const queriesOf = ({ operations, atEdge }: Api): readonly string[] => [
  ...Object.values(operations).flatMap((one) => ('asks' in one ? one.asks : [])),
  ...atEdge.queries,
]

/** The commands that they submit. */
export const submitsOf = ({ operations, atEdge }: Api): readonly string[] => [
  ...Object.values(operations).flatMap((one) => ('submits' in one ? one.submits : [])),
  ...atEdge.submits,
]

function completed(service: Service, apis: readonly Api[]): Service {
  const uses = unique<Contracts>([
    ...service.uses,
    ...apis.flatMap(({ contracts, atEdge }) => [contracts, ...atEdge.uses]),
  ]).filter((contracts) => contracts !== service.contracts)
  const queries = unique([...service.queries, ...apis.flatMap(queriesOf)])
  const derived = apis.flatMap(objectivesOf)
  // A description that was completed already stays as it is.
  const own = service.requestObjectives.filter((one) => !derived.some((other) => isDeepStrictEqual(one, other)))
  const complete = {
    ...service,
    uses,
    queries,
    calls: ownersOf({ uses, queries }),
    submits: unique([...service.submits, ...apis.flatMap(submitsOf)]),
    settings: unique([...service.settings, ...apis.flatMap(({ atEdge }) => atEdge.settings)]),
    secrets: mergedMembers('secret', [
      { service: service.name, members: service.secrets },
      ...apis.map(({ contracts, atEdge }) => ({ service: contracts.service, members: atEdge.secrets })),
    ]),
    requestObjectives: [...own, ...derived],
  }
  checkSecrets(complete)
  return complete
}

const unique = <V>(values: readonly V[]): readonly V[] => [...new Set(values)]

const objectivesOf = ({ operations }: Api): RequestObjective[] =>
  Object.values(operations).flatMap(({ objective, method, path }) =>
    objective
      ? {
          ...objective,
          method: method.toUpperCase() as RequestObjective['method'],
          path: path as RequestObjective['path'],
        }
      : [],
  )

function checkNames(apis: readonly Api[]): void {
  const owners = new Map<string, string>()
  const routes: Route[] = []
  for (const { contracts, operations } of apis)
    for (const { id, method, path } of servedBy({ operations })) {
      const { service } = contracts
      const other = owners.get(id)
      if (other !== undefined)
        throw new Error(`${other} and ${service} both have the operation ${id}: give one another name.`)
      const route = { service, method, path }
      const answering = routes.find((one) => haveCommonRequest(one, route))
      if (answering)
        throw new Error(
          `${answering.service} answers ${requestOf(answering)}, and ${service} ${requestOf(route)}: some requests are both. Give one another path.`,
        )
      owners.set(id, service)
      routes.push(route)
    }
}

interface Route {
  readonly service: string
  readonly method: string
  readonly path: string
}

const requestOf = ({ method, path }: Route): string => `${method.toUpperCase()} ${path}`

/** The router takes the first route that fits, whatever its parameters are called. */
function haveCommonRequest(one: Route, other: Route): boolean {
  const [parts, others] = [one.path.split('/'), other.path.split('/')]
  return (
    one.method === other.method &&
    parts.length === others.length &&
    parts.every((part, at) => part === others[at] || part.startsWith('{') || others[at]!.startsWith('{'))
  )
}

function checkSubmitted(name: string, api: Api, acceptsSubmitted: readonly string[]): void {
  const own = submitsOf(api).filter((command) => Object.hasOwn(api.contracts.commands, command))
  const refused = own.find((command) => !acceptsSubmitted.includes(command))
  if (refused !== undefined)
    throw new Error(
      `An operation of ${name} submits ${refused}, which ${name} does not accept from outside: name it in its acceptsSubmitted.`,
    )
}
