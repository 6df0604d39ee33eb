/** An emulated Google service as a part of the local cloud: its API, its Terraform types, its lifecycle. */

import type { Access, RouteAccess } from './access/access.ts'
import type { Clock } from './clock.ts'
import type { Faults } from './access/faults.ts'
import type { GrpcService, Http } from './service.ts'
import type { IamFacts } from './iam-facts.ts'
import type { Journal } from './journal.ts'
import type { OwnServices } from './own-services.ts'
import type { Send } from './send.ts'
import type { Provisioning } from './terraform/provisioner.ts'

/** The context that every plugin gets when the local cloud makes it. */
export interface CloudContext {
  readonly project: { readonly id: string; readonly number: string; readonly region: string }
  readonly clock: Clock
  readonly journal: Journal
  /** A fresh id of 16 lower-case hex digits from the seeded source. */
  newId(): string
  /** 0 ≤ x < 1 from the seeded source. */
  random(): number
  /** Adds to a counter of the bill, e.g. `count('firestore.documentReads', 2)`. Counted exactly as Google bills. */
  count(counter: string, amount?: number): void
  /** Logs a delivery or call in the request log that tests and people read. */
  logRequest(entry: RequestLogEntry): void
  /** An RS256 Google ID token, 1 h, for a push or task with OIDC or for the metadata server. */
  mintIdToken(options: { email: string; audience: string }): Promise<string>
  /** Checks permissions of Google's own agents, whose calls do not come through a port. */
  readonly access: Access
  /** The declarations for IAM of all plugins in use. */
  readonly iamFacts: readonly IamFacts[]
  /** Whether any plugin has a resource of that full name; undefined when no plugin knows such names. */
  resourceExists(fullName: string): boolean | undefined
  /** The injected faults, for calls other than unary methods. */
  readonly faults: Faults
  /** Outgoing HTTP (push, task dispatch); a simulation replaces it. */
  readonly fetch: Send
  /** Opens the address of a service of this cloud, to which `fetch` then gives requests directly. */
  readonly openAddress: OwnServices['open']
  /** `http://127.0.0.1:4100`, of the owner's port, for messages. Known once that port is open. */
  ownerUrl(): string
  /** How a caller gets and sends the run secret, for messages. */
  readonly secretRemedy: string
  /** Another plugin's core by its name (Pub/Sub writes into `bigquery`); throws when that plugin is absent. */
  peer<Core>(name: string): Core
}

export interface RequestLogEntry {
  readonly timeMs: number
  readonly kind: 'push' | 'task' | 'schedule' | 'ingress' | 'bigquery-subscription'
  /** Subscription, queue or service name. */
  readonly resource: string
  readonly target?: string
  /** 0: no answer came. */
  readonly status: number
  /** Why no answer came. */
  readonly reason?: string
  /** The verified e-mail of the token that came with it. */
  readonly email?: string
  readonly attempt?: number
  readonly messageId?: string
  /** The process of the instance that had the request. */
  readonly pid?: number
}

export interface PluginInstance<Core = unknown> {
  /** The state machine itself, for peers and in-process tests. */
  readonly core: Core
  readonly grpc?: readonly GrpcService[]
  /** REST that no proto annotation describes; mounted at the root of every port. */
  readonly http?: Http
  /** The routes that service accounts may call, with the required permissions; all others are the owner's. */
  readonly routes?: readonly RouteAccess[]
  /** Whether a resource of that full name exists here; undefined when the name is not of this service (IAM asks before it sets a policy). */
  resourceExists?: (fullName: string) => boolean | undefined
  /** Called once every plugin is made, before any resource is made or changed. @throws Error with the remedy for stored state that is not whole. */
  check?(): Promise<void>
  /** Called once every plugin is made and every port is open: continue the work in the journal (timers, retries). */
  start?(): Promise<void>
  close?(): Promise<void>
}

/** An emulator: all that the local cloud knows of a service is declared here. */
export interface Plugin<Core = unknown> extends Provisioning {
  readonly name: string
  /** Vendored protobufjs JSON of the services that `grpc` serves. */
  readonly proto?: () => Promise<object>
  readonly create: (context: CloudContext) => PluginInstance<Core> | Promise<PluginInstance<Core>>
  /** The roles and policies of its resources. */
  readonly iam?: IamFacts
  /** Variables by which Google's clients find the service at `host` (`127.0.0.1:4150`). */
  readonly environment?: (host: string) => Readonly<Record<string, string>>
}
