/** A service's environment variables, which the stacks write. Only this file reads `process.env`. */

import { z } from 'zod'
import { faultOf, type Secrets, secretsReadWith, secretVariable } from './secret.ts'
import { json, parseSetting, type Setting } from './setting.ts'

/** JSON in one variable: service name → its URL, which is also its OIDC audience. */
const urlByService = z.record(z.string(), z.url())
/** JSON in one variable: command → e-mails of the service accounts that may send it. */
const sendersByCommand = z.record(z.string(), z.array(z.email()))

export const configSchema = z.object({
  GOOGLE_CLOUD_PROJECT: z.string().min(1),
  REGION: z.string().min(1),
  /** Set by Cloud Run. */
  K_SERVICE: z.string().min(1),
  K_REVISION: z.string().min(1),
  PORT: z.coerce.number().int().min(1).max(65_535),
  SERVICE_URL: z.url(),
  SERVICE_ACCOUNT: z.email(),
  /** The account of Pub/Sub's push deliveries to this service. */
  PUSH_ACCOUNT: z.email(),
  /** The account of Cloud Scheduler's calls. Absent when the service has no schedule. */
  CRON_ACCOUNT: z.email().optional(),
  /** The account of operators' tasks. */
  OPERATIONS_ACCOUNT: z.email(),
  /** Absent when the service owns no collection. */
  FIRESTORE_DATABASE: z.string().optional(),
  /** `https://cloudtasks.googleapis.com`, or `http://host:port` of an emulator: the client has no variable for it. */
  CLOUD_TASKS_ENDPOINT: z.url(),
  /** The address of BigQuery. Absent when the service reads no view. */
  BIGQUERY_ENDPOINT: z.url().optional(),
  /** Services that this one sends or submits commands to, or queries. */
  PEERS: json(urlByService),
  SENDERS: json(sendersByCommand),
  /** The accounts of the services that may submit a command. */
  SUBMITTERS: json(sendersByCommand),
  /** By query: the accounts of the services that may ask it. */
  CALLERS: json(sendersByCommand),
  /** The JWKS of Google's ID tokens. */
  ID_TOKEN_JWKS_URL: z.url(),
  /**
   * `cloud-run`: Cloud Run's ingress verified the token, removed its signature, and alone reaches this container. Absent:
   * a token without a signature is refused.
   */
  INGRESS: z.literal('cloud-run').optional(),
  /** Where spans and metrics are sent, without `/v1/traces`. OpenTelemetry's own names and units for all four. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url(),
  /** How many of the traces that begin here are kept, 0 to 1. */
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1),
  /** Milliseconds. */
  OTEL_BSP_SCHEDULE_DELAY: z.coerce.number().int().min(1),
  OTEL_METRIC_EXPORT_INTERVAL: z.coerce.number().int().min(1),
})

export type Config = z.output<typeof configSchema>

/** The variables that a stack writes: all of the above but Cloud Run's own, plus the service's settings. */
export type WrittenVariables = Omit<z.input<typeof configSchema>, 'K_SERVICE' | 'K_REVISION' | 'PORT'>

/**
 * Reads the configuration of this process.
 * @throws Error that names every missing or wrong variable.
 */
export function readConfig(variables: NodeJS.ProcessEnv = process.env): Config {
  const parsed = configSchema.safeParse(variables)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new Error(`The environment of this service is not complete: ${faults.join('; ')}. Its stack writes it.`)
}

/**
 * The same for a process of a worker pool, which serves no port. Cloud Run gives it other variables than a service.
 * https://cloud.google.com/run/docs/container-contract
 */
export const readWorkerConfig = (service: string, variables: NodeJS.ProcessEnv = process.env): Config =>
  readConfig({
    ...variables,
    K_SERVICE: service,
    K_REVISION: variables['CLOUD_RUN_REVISION'] ?? variables['CLOUD_RUN_WORKER_POOL'],
    // Read by no part of a worker.
    PORT: '8080',
  })

/** Where Google's clients connect to, by the variables that they read themselves: `host:port`. */
export function addressesOf(
  { CLOUD_TASKS_ENDPOINT }: Pick<Config, 'CLOUD_TASKS_ENDPOINT'>,
  variables: NodeJS.ProcessEnv = process.env,
): { readonly firestore: string; readonly pubsub: string; readonly tasks: string } {
  const { protocol, hostname, port } = new URL(CLOUD_TASKS_ENDPOINT)
  return {
    firestore: variables['FIRESTORE_EMULATOR_HOST'] ?? 'firestore.googleapis.com:443',
    pubsub: variables['PUBSUB_EMULATOR_HOST'] ?? 'pubsub.googleapis.com:443',
    tasks: `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`,
  }
}

/**
 * The value of one of a service's settings. A test compares what the programs of each service read with its description
 * (test/architecture/services.test.ts), not the compiler: each function between a handler and a read would have to name its
 * service's platform, and those of several services, as the edge has them, could not.
 * @throws Error for a setting that the service's description does not name.
 */
export type ReadSetting = <Value>(setting: Setting<Value>) => Value

/**
 * Parses all settings that a service's description names, before it takes its first request.
 * @throws Error that names each setting that is missing or has a wrong value.
 */
export function readSettings(
  { name: service, settings }: { readonly name: string; readonly settings: readonly Setting[] },
  variables: NodeJS.ProcessEnv = process.env,
): ReadSetting {
  const values = new Map<string, unknown>()
  const faults: string[] = []
  for (const setting of settings) {
    try {
      values.set(setting.name, parseSetting(setting, variables[setting.name]))
    } catch (error) {
      faults.push((error as Error).message)
    }
  }
  if (faults.length > 0) throw new Error(`${service} does not start. ${faults.join(' ')}`)
  return <Value>({ name }: Setting<Value>): Value => {
    if (!values.has(name)) throw new Error(`${service} does not have the setting ${name}: name it in its service.ts.`)
    // It was parsed by the schema from which its type follows.
    return values.get(name) as Value
  }
}

/** The value of one of a service's secrets. @throws Error for a secret that the service's description does not name, or not for these settings. */
export type ReadSecret = (name: string) => string

/**
 * Reads all secrets that a service's description names for its settings, before it takes its first request.
 * @throws Error that names each secret that is missing or has a wrong value, without any value.
 */
export function readSecrets(
  { name: service, secrets }: { readonly name: string; readonly secrets: Secrets },
  variables: NodeJS.ProcessEnv = process.env,
): ReadSecret {
  const values = new Map(secretsReadWith(secrets, variables).map((name) => [name, variables[secretVariable(name)]]))
  const faults = [...values].flatMap(([name, value]) => faultOf(name, value) ?? [])
  if (faults.length > 0) throw new Error(`${service} does not start. ${faults.join(' ')}`)
  return (name) => {
    const value = values.get(name)
    if (value === undefined)
      throw new Error(
        Object.hasOwn(secrets, name)
          ? `${service} does not read the secret ${name} with its settings: its service.ts has the condition.`
          : `${service} does not have the secret ${name}: name it in its service.ts.`,
      )
    return value
  }
}
