/** Completes the descriptions of the services by what follows from their public operations. */

import { isDeepStrictEqual } from 'node:util'
import type { Contracts } from '../contracts/contract.ts'
import type { Api } from './api.ts'
import { checkSecrets } from '../base/secret.ts'
import type { RequestObjective } from './request-objective.ts'
import { ownersOf, type Service } from './service.ts'

/**
 * A public service serves the operations of all services: it asks, submits and reads what these need, and grants, peers,
 * settings, secrets and objectives follow.
 * @throws Error for an operation of two services, by its name or by method and path, and for a command that its owner does not accept from outside
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
    secrets: Object.assign({}, service.secrets, ...apis.map(({ atEdge }) => atEdge.secrets)) as Service['secrets'],
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
  for (const { contracts, operations } of apis)
    for (const [id, { method, path }] of Object.entries(operations)) {
      const request = `${method.toUpperCase()} ${path}`
      const other = owners.get(id)
      if (other !== undefined)
        throw new Error(`${other} and ${contracts.service} both have the operation ${id}: give one another name.`)
      // The router takes the first route of a pattern, whatever its parameters are called.
      const pattern = request.replace(/\{\w+\}/g, '{}')
      const answering = owners.get(pattern)
      if (answering !== undefined)
        throw new Error(`${answering} and ${contracts.service} both answer ${request}: give one another path.`)
      owners.set(id, contracts.service).set(pattern, contracts.service)
    }
}

function checkSubmitted(name: string, api: Api, acceptsSubmitted: readonly string[]): void {
  const own = submitsOf(api).filter((command) => Object.hasOwn(api.contracts.commands, command))
  const refused = own.find((command) => !acceptsSubmitted.includes(command))
  if (refused !== undefined)
    throw new Error(
      `An operation of ${name} submits ${refused}, which ${name} does not accept from outside: name it in its acceptsSubmitted.`,
    )
}
