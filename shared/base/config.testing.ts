/** The environment of a service in a test, and ID tokens by a key of its own in place of Google's. */

import { createSign, generateKeyPairSync } from 'node:crypto'
import { type Config, configSchema } from './config.ts'
import { accountEmail, cronAccountId, operationsAccountId, pushAccountId } from './names.ts'
import { startOfTests } from '../runtime/platform.testing.ts'

const projectId = 'test-project'
export const emailOf = (account: string): string => accountEmail(account, projectId)

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const KEY_ID = 'test-key'
const jwks = JSON.stringify({
  keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' }],
})
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

export interface TestConfigOptions {
  /** Command → accounts that may send it. */
  readonly senders?: Readonly<Record<string, readonly string[]>>
  /** Command → accounts that may submit it. */
  readonly submitters?: Readonly<Record<string, readonly string[]>>
  /** Query → accounts that may ask it. */
  readonly callers?: Readonly<Record<string, readonly string[]>>
  readonly peers?: Readonly<Record<string, string>>
  readonly tasksEndpoint?: string
  /** Absent: not on Cloud Run. */
  readonly ingress?: 'cloud-run'
}

export function testConfig(
  service: string,
  { senders = {}, submitters = {}, callers = {}, peers = {}, tasksEndpoint, ingress }: TestConfigOptions = {},
): Config {
  return configSchema.parse({
    GOOGLE_CLOUD_PROJECT: projectId,
    REGION: 'europe-west1',
    K_SERVICE: service,
    K_REVISION: `${service}-00001`,
    PORT: '8080',
    SERVICE_URL: `https://${service}.example.com`,
    SERVICE_ACCOUNT: emailOf(service),
    PUSH_ACCOUNT: emailOf(pushAccountId(service)),
    CRON_ACCOUNT: emailOf(cronAccountId(service)),
    OPERATIONS_ACCOUNT: emailOf(operationsAccountId),
    FIRESTORE_DATABASE: service,
    CLOUD_TASKS_ENDPOINT: tasksEndpoint ?? 'https://cloudtasks.example.com',
    PEERS: JSON.stringify(peers),
    SENDERS: JSON.stringify(emailsByName(senders)),
    SUBMITTERS: JSON.stringify(emailsByName(submitters)),
    CALLERS: JSON.stringify(emailsByName(callers)),
    ID_TOKEN_JWKS_URL: `data:application/json,${encodeURIComponent(jwks)}`,
    ...(ingress === undefined ? {} : { INGRESS: ingress }),
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318',
    OTEL_TRACES_SAMPLER_ARG: '1',
    OTEL_BSP_SCHEDULE_DELAY: '5000',
    OTEL_METRIC_EXPORT_INTERVAL: '60000',
  })
}

const emailsByName = (accounts: Readonly<Record<string, readonly string[]>>): Record<string, string[]> =>
  Object.fromEntries(Object.entries(accounts).map(([name, some]) => [name, some.map(emailOf)]))

/** An authorization header with the account's token, as the metadata server issues it. */
export function idToken(service: string, account: string, claims: object = {}): string {
  const nowSeconds = Date.parse(startOfTests) / 1000
  const payload = {
    iss: 'https://accounts.google.com',
    aud: `https://${service}.example.com`,
    sub: account,
    email: emailOf(account),
    email_verified: true,
    iat: nowSeconds,
    exp: nowSeconds + 3_600,
    ...claims,
  }
  const signed = `${part({ alg: 'RS256', kid: KEY_ID, typ: 'JWT' })}.${part(payload)}`
  return `Bearer ${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url')}`
}

/** The token as Cloud Run's ingress forwards it, without its signature. */
export const withoutSignature = (token: string): string => token.replace(/[^.]*$/, 'SIGNATURE_REMOVED_BY_GOOGLE')

/** The body of a push request. */
export function pushBody(data: unknown, attributes: Readonly<Record<string, string>> = {}): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data)
  return JSON.stringify({
    message: {
      data: Buffer.from(text).toString('base64'),
      attributes,
      messageId: 'message-1',
      publishTime: startOfTests,
    },
    subscription: `projects/${projectId}/subscriptions/test`,
  })
}
