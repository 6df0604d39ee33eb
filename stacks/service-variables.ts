/** Derives the variables of a service's container from the descriptions. `shared/base/config.ts` reads them. */

import type { WrittenVariables } from '../shared/base/config.ts'
import { parseSetting } from '../shared/base/setting.ts'
import { databaseName, republishCommand } from '../shared/base/names.ts'
import { type Business, servicesOf } from '../shared/service/business.ts'
import { enqueuedBy, isScheduled, type Service } from '../shared/service/service.ts'
import type { Environment } from './environments.ts'
import { cronEmail, operationsEmail, pushEmail, serviceEmail } from './members.ts'

/** @throws Error that names a setting which the environment lacks, or whose value is wrong. */
export function variablesOf(service: Service, business: Business, environment: Environment): Record<string, string> {
  const services = servicesOf(business)
  const written = {
    GOOGLE_CLOUD_PROJECT: environment.projectId,
    REGION: environment.region,
    SERVICE_URL: environment.serviceUrl(service.name),
    SERVICE_ACCOUNT: serviceEmail(service.name, environment),
    PUSH_ACCOUNT: pushEmail(service.name, environment),
    ...(isScheduled(service) ? { CRON_ACCOUNT: cronEmail(service.name, environment) } : {}),
    OPERATIONS_ACCOUNT: operationsEmail(environment),
    ...(Object.keys(service.collections).length > 0 ? { FIRESTORE_DATABASE: databaseName(service.name) } : {}),
    ...(service.readsViews.length > 0 ? { BIGQUERY_ENDPOINT: environment.bigQueryEndpoint(service.name) } : {}),
    CLOUD_TASKS_ENDPOINT: environment.tasksEndpoint(service.name),
    PEERS: JSON.stringify(
      Object.fromEntries(peersOf(service, services).map((peer) => [peer, environment.serviceUrl(peer)])),
    ),
    SENDERS: JSON.stringify(sendersByCommand(service, services, environment)),
    SUBMITTERS: JSON.stringify(submittersByCommand(service, services, environment)),
    CALLERS: JSON.stringify(callersByQuery(service, services, environment)),
    ID_TOKEN_JWKS_URL: environment.idTokenKeysUrl(service.name),
    OTEL_EXPORTER_OTLP_ENDPOINT: environment.telemetry.endpoint(service.name),
    OTEL_TRACES_SAMPLER_ARG: String(environment.telemetry.sampledShare),
    OTEL_BSP_SCHEDULE_DELAY: String(environment.telemetry.spanDelayMs),
    OTEL_METRIC_EXPORT_INTERVAL: String(environment.telemetry.metricIntervalMs),
  } satisfies WrittenVariables
  const values = settingsOf(environment, business)
  const settings = service.settings.map((setting) => {
    const { name } = setting
    const value = values[name]
    if (value === undefined)
      throw new Error(
        `${service.name} reads the setting ${name}, which the environment ${environment.name} does not have: add it to the settings of the business in functions/index.ts.`,
      )
    parseSetting(setting, value)
    return [name, value] as const
  })
  return { ...written, ...Object.fromEntries(settings) }
}

/** The values of all settings, of the platform and of the business. */
export const settingsOf = (environment: Environment, business: Pick<Business, 'settings'>): Record<string, string> => ({
  ...environment.settings,
  ...business.settings(environment),
})

/** The services that this service calls or sends commands to, `RepublishEvents` included. */
export function peersOf(service: Service, services: readonly Service[]): string[] {
  const commands = [...enqueuedBy(service), ...service.submits]
  const owners = services
    .filter(({ accepts }) => accepts.some((command) => commands.includes(command)))
    .map(({ name }) => name)
  return [...new Set([...owners, ...service.calls, ...service.requestsRepublishFrom])].toSorted()
}

/** The services that enqueue commands for this service. */
export function sendersOf(service: Service, services: readonly Service[]): string[] {
  return services
    .filter(
      (sender) =>
        enqueuedBy(sender).some((command) => service.accepts.includes(command)) ||
        sender.requestsRepublishFrom.includes(service.name),
    )
    .map(({ name }) => name)
}

/** The services of which this one still takes commands that they enqueued in an earlier release. */
export const formerSendersOf = ({ contracts }: Service, services: readonly Service[]): string[] => {
  const former = Object.values(contracts.commands).flatMap(({ formerSenders = [] }) => formerSenders)
  // A removed service has no account.
  return services.map(({ name }) => name).filter((name) => former.includes(name))
}

const emailsOf = (some: readonly Service[], environment: Environment): string[] =>
  some.map(({ name }) => serviceEmail(name, environment))

function submittersByCommand(
  { acceptsSubmitted }: Service,
  services: readonly Service[],
  environment: Environment,
): Record<string, string[]> {
  return Object.fromEntries(
    acceptsSubmitted.map((command) => [
      command,
      emailsOf(
        services.filter(({ submits }) => submits.includes(command)),
        environment,
      ),
    ]),
  )
}

function callersByQuery(
  { contracts }: Service,
  services: readonly Service[],
  environment: Environment,
): Record<string, string[]> {
  return Object.fromEntries(
    Object.keys(contracts.queries ?? {}).map((query) => [
      query,
      emailsOf(
        services.filter(({ queries }) => queries.includes(query)),
        environment,
      ),
    ]),
  )
}

function sendersByCommand(
  service: Service,
  services: readonly Service[],
  environment: Environment,
): Record<string, readonly string[]> {
  const commands = service.accepts.map(
    (command) =>
      [
        command,
        [
          ...emailsOf(
            services.filter((one) => enqueuedBy(one).includes(command)),
            environment,
          ),
          ...(service.contracts.commands[command]!.formerSenders ?? []).map((name) => serviceEmail(name, environment)),
        ],
      ] as const,
  )
  const republishRequesters = services.filter(({ requestsRepublishFrom }) =>
    requestsRepublishFrom.includes(service.name),
  )
  return Object.fromEntries([
    ...commands,
    // Also when no service requests it: with an empty entry the command is refused, without an entry it would be dead-lettered.
    [republishCommand, emailsOf(republishRequesters, environment)],
  ])
}
