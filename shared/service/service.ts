/** A service is a description: stacks, grants, local run and checks are all derived from this data. */

import type { CommandType, Contracts, EventType, QueryName, RecordOf } from '../contracts/contract.ts'
import type { z } from 'zod'
import { listOf } from '../base/issues.ts'
import { republishCommand } from '../base/names.ts'
import type { Immutable } from '../contracts/immutable.ts'
import { checkSecrets, type Secrets } from '../base/secret.ts'
import type { Setting } from '../base/setting.ts'
import { runtimeContracts } from '../contracts/runtime-events.ts'
import type { Api } from './api.ts'
import { commandsOf, type Saga } from '../saga/definition.ts'
import type { RecordedSaga } from '../saga/pivot.ts'
import type { SagaState } from '../saga/saga.ts'
import type { RequestObjective } from './request-objective.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface Collection {
  /** Fields that no index covers: large or never queried ones. */
  readonly unindexed?: readonly string[]
  /** Composite indexes, each a list of field paths; a leading `-` means descending. */
  readonly indexes?: readonly (readonly string[])[]
  /** The days without a write after which Firestore deletes a document; absent: never. Not for `streams`. */
  readonly keptForDays?: number
}

/**
 * The runtime's own collection in services that take submitted commands. Idempotency keys are known for longer than a year,
 * so that a request which is repeated every year meets its own key.
 */
const keysCollection: Collection = { keptForDays: 400 }

/** Earlier commits of long streams (`firestoreStreams`), which are looked up by `causes` alone. */
const chunksCollection: Collection = { unindexed: ['entries'] }

/** A command of the service that Cloud Scheduler has enqueued at times of the clock, at least once for each. */
export interface Schedule {
  /** Unix-cron with five fields: minute, hour, day of the month, month, day of the week. */
  readonly cron: string
  /** The name of a time zone, such as Europe/Berlin: the schedule follows its summer time. */
  readonly timeZone: string
  readonly command: string
  /** Of the command, as its contract has them. */
  readonly data: unknown
}

/** An alert on lines that a service logs as errors. */
export interface LineAlert {
  readonly severity: 'CRITICAL' | 'WARNING'
  /** The fields of the line that the alert shows. */
  readonly labels: readonly string[]
  /** The meaning, and what to do. */
  readonly content: string
}

export interface Scale {
  /** Requests that one instance handles at once. */
  readonly concurrency: number
  readonly maxInstances: number
  readonly cpu: string
  readonly memory: string
  /** Instances that pull its events, where they reach it so: they run always. */
  readonly workers: number
}

/**
 * `push`: Pub/Sub posts each event to the service, which scales to zero. `pull`: workers beside it, a worker pool of Cloud Run, take the
 * events that wait, many at a time, and write them in few calls; commands and queries reach the service as before.
 */
export type EventDelivery = 'push' | 'pull'

/** How often a saga of the service ends, how, and after how long: measured when its last event is committed. */
export interface SagaMetrics<Type extends string = string> {
  readonly name: string
  readonly startsOn: Type
  /** Event → its outcome. `rejected` is among them, and `expired` if a step waits for a person (`pendingOn`). */
  readonly endsOn: { readonly [T in Type]?: string }
}

/** A service level objective over all sagas of one kind. Its goal is the business's. */
export interface SagaObjective {
  /** Lower-case letters, digits and hyphens: the objective and its alerts are named for it. */
  readonly name: string
  readonly title: string
  /** The outcome that counts as good. `timed-out` counts as bad, every other outcome neither way. */
  readonly good: string
}

export interface Service {
  /** Lower-case letters, digits and hyphens: Cloud Run service, account, queue and database are named for it. */
  readonly name: string
  /** `public`: the internet may call it, and it checks its callers itself. */
  readonly ingress: 'public' | 'internal'
  readonly contracts: Contracts
  /** Contracts of the services whose messages it receives or sends. */
  readonly uses: readonly Contracts[]
  /** All events of its own contracts. A service with a saga publishes those of the runtime as well. */
  readonly emits: readonly string[]
  /** Event types it listens to. */
  readonly on: readonly string[]
  /** Of these, those with a meaning for its rules, which one handler takes (`onSubscribed`). */
  readonly subscriptions?: Subscriptions
  /** Of the events that it listens to, those that people may publish too, with sequence 0. Any other event with sequence 0 is dead-lettered. */
  readonly acceptsManualEvents: readonly string[]
  /** All commands of its own contracts. */
  readonly accepts: readonly string[]
  /** Of the commands that it accepts, the commands that operators may send by the account `operations`, besides the runtime's own. */
  readonly acceptsFromOperators: readonly string[]
  /**
   * Of the commands that it accepts, the commands that other services submit by HTTP, since they enter from outside under an
   * idempotency key. The runtime records the key and enqueues the command.
   */
  readonly acceptsSubmitted: readonly string[]
  readonly sends: readonly string[]
  /** By name: commands of its own that are enqueued at times of the clock. */
  readonly schedules: Readonly<Record<string, Schedule>>
  /** Commands that it submits to their owners by HTTP. */
  readonly submits: readonly string[]
  /** The queries that it sends to other services, by name. */
  readonly queries: readonly string[]
  /** The services that it queries: the owners of its `queries`. */
  readonly calls: readonly string[]
  /** Services to which it sends `RepublishEvents`. */
  readonly requestsRepublishFrom: readonly string[]
  readonly collections: Readonly<Record<string, Collection>>
  /** The settings that it reads. The platform's have values in `stacks/environments.ts`, all others in the business's `settings`. */
  readonly settings: readonly Setting[]
  /** The credentials that it uses, which Secret Manager keeps: `platform.secret` has their values, and no other service gets them. */
  readonly secrets: Secrets
  /** The views of events in BigQuery that it reads, by name, those that these read included: its account may read no others. */
  readonly readsViews: readonly string[]
  /** By the message of a log line with severity ERROR: an alert for operators. */
  readonly alertsOn: Readonly<Record<string, LineAlert>>
  /** It looks up how accounts of people stand at Identity Platform, and is granted that. */
  readonly readsAccounts: boolean
  readonly scale: Scale
  readonly saga?: SagaMetrics &
    Pick<RecordedSaga, 'stateIn'> & { readonly definition: Saga<never>; readonly objective?: SagaObjective }
  readonly requestObjectives: readonly RequestObjective[]
  /** The operations by which clients reach it, through a public service. */
  readonly api?: Api
  /** `cloudevent`: its handlers are one CloudEvent function, which the functions framework calls; `http`: they are called as they are. */
  readonly runtime: 'http' | 'cloudevent'
  /** How events reach it, unless an environment has another way (`delivery` of the business). */
  readonly delivery: EventDelivery
}

export const defaultScale: Scale = { concurrency: 80, maxInstances: 10, cpu: '1', memory: '512Mi', workers: 1 }

/** One of the service's own commands, with the data of its contract. */
type ScheduleOf<Own extends Contracts> = {
  readonly [C in CommandType<Own>]: Omit<Schedule, 'command' | 'data'> & {
    readonly command: C
    readonly data: Immutable<z.input<Own['commands'][C]['data']>>
  }
}[CommandType<Own>]

interface Description<Own extends Contracts, Uses extends readonly Contracts[]> {
  readonly name: Own['service']
  readonly ingress: 'public' | 'internal'
  readonly contracts: Own
  readonly uses: Uses
  /** The events that have a handler of their own. */
  readonly on: readonly EventType<Uses[number] | Own | typeof runtimeContracts>[]
  /** Its events and contracts are not repeated in `on` and `uses`. */
  readonly subscriptions?: Subscriptions
  readonly acceptsManualEvents?: readonly EventType<Uses[number] | Own>[]
  readonly acceptsFromOperators?: readonly CommandType<Own>[]
  readonly acceptsSubmitted?: readonly CommandType<Own>[]
  readonly sends: readonly (CommandType<Uses[number]> | CommandType<Own>)[]
  readonly schedules?: Readonly<Record<string, ScheduleOf<Own>>>
  readonly submits?: readonly CommandType<Uses[number]>[]
  readonly queries?: readonly QueryName<Uses[number]>[]
  readonly requestsRepublishFrom?: readonly (Own['service'] | Uses[number]['service'])[]
  readonly collections?: Readonly<Record<string, Collection>>
  readonly settings?: readonly Setting[]
  readonly secrets?: Secrets
  readonly readsAccounts?: boolean
  readonly readsViews?: readonly string[]
  readonly alertsOn?: Readonly<Record<string, LineAlert>>
  readonly scale?: Partial<Scale>
  /** The messages of its steps are not repeated in `uses`, `on`, `sends` and `requestsRepublishFrom`. */
  readonly saga?: Omit<SagaMetrics<EventType<Own>>, 'name'> & {
    readonly definition: Saga<never>
    readonly stateIn: (event: RecordOf<Own>) => SagaState | undefined
    readonly objective?: SagaObjective
  }
  readonly requestObjectives?: readonly RequestObjective[]
  readonly api?: Api & { readonly contracts: Own }
  readonly runtime?: 'http' | 'cloudevent'
  readonly delivery?: EventDelivery
}

/** The properties of D besides the known ones, which no value fits: a misspelt one does not compile. */
type Unknown<D, Known> = Readonly<Record<Exclude<keyof D, Known>, never>>

/**
 * Describes one service. Misspelt events, commands and service names do not compile: every name is one of the service's
 * own contracts or of those in `uses`.
 */
export function defineService<
  const Own extends Contracts,
  const Uses extends readonly Contracts[],
  const D extends Description<Own, Uses>,
>(
  description: D & Description<Own, Uses> & { contracts: Own; uses: Uses } & Unknown<D, keyof Description<Own, Uses>>,
): Defined<D> {
  const {
    saga,
    requestsRepublishFrom = [],
    ...given
  } = description as unknown as Description<Contracts, readonly Contracts[]>
  const service: Service = {
    acceptsManualEvents: [],
    acceptsFromOperators: [],
    acceptsSubmitted: [],
    schedules: {},
    submits: [],
    queries: [],
    requestsRepublishFrom,
    settings: [],
    secrets: {},
    readsAccounts: false,
    readsViews: [],
    alertsOn: {},
    requestObjectives: [],
    runtime: 'http',
    delivery: 'push',
    ...given,
    emits: Object.keys(given.contracts.events),
    accepts: Object.keys(given.contracts.commands),
    ...withSubscriptions(given),
    calls: ownersOf(given),
    collections: {
      ...given.collections,
      ...(given.collections?.['streams'] ? { chunks: chunksCollection } : {}),
      ...(given.acceptsSubmitted?.length ? { keys: keysCollection } : {}),
    },
    scale: { ...defaultScale, ...given.scale },
  }
  checkReachable(service)
  checkSecrets(service)
  checkManualEvents(service)
  checkSchedules(service)
  checkWorkers(service)
  return (saga ? withSaga(service, saga) : service) as Service & Defined<D>
}

/** @throws Error for an event that has a handler of its own as well. */
function withSubscriptions({
  name,
  on,
  uses,
  subscriptions: { contracts, meanings } = { contracts: [], meanings: {} },
}: Pick<Description<Contracts, readonly Contracts[]>, 'name' | 'on' | 'uses' | 'subscriptions'>): Pick<
  Service,
  'on' | 'uses'
> {
  const twice = on.find((type) => Object.hasOwn(meanings, type))
  if (twice !== undefined)
    throw new Error(`${name} has ${twice} in its \`on\` and in its \`subscriptions\`: take it out of one of them.`)
  return { on: [...on, ...Object.keys(meanings)], uses: [...new Set([...uses, ...contracts])] }
}

/** @throws Error for an event to which the service does not subscribe. */
function checkManualEvents({ name, on, acceptsManualEvents }: Service): void {
  const notSubscribed = acceptsManualEvents.find((type) => !on.includes(type))
  if (notSubscribed !== undefined)
    throw new Error(`${name} accepts ${notSubscribed} by hand, but does not subscribe to it: add it to its \`on\`.`)
}

/** @throws Error for a number of workers that would leave the events of an environment that pulls them where they are. */
function checkWorkers({ name, scale: { workers } }: Service): void {
  if (!Number.isInteger(workers) || workers < 1)
    throw new Error(`${name} has ${workers} workers in its scale: give a whole number, 1 or more.`)
}

/** Lower-case letters, digits and hyphens: the job at Cloud Scheduler is named for it. */
const SCHEDULE_NAME = /^[a-z][a-z0-9-]{0,39}$/
/** The numbers in the fields are checked by Cloud Scheduler: `npm start` and a deployment stop at a wrong one. The time zone is checked by the stack. */
const CRON = /^([\d*,/-]+ ){3}[\w*,/-]+ [\w*,/-]+$/

/** @throws Error that names a schedule whose name, times or data are wrong. */
function checkSchedules({ name: service, schedules, contracts }: Service): void {
  for (const [name, { cron, command, data }] of Object.entries(schedules)) {
    const refuse = (what: string): never => {
      throw new Error(`The schedule "${name}" of ${service} ${what}`)
    }
    if (!SCHEDULE_NAME.test(name)) refuse('takes another name: at most 40 lower-case letters, digits and hyphens.')
    if (!CRON.test(cron)) refuse(`has the times "${cron}": write five fields of unix-cron, such as "30 4 * * MON-FRI".`)
    const contract = contracts.commands[command]
    if (!contract) return refuse(`sends ${command}, which is no command of ${service}.`)
    const parsed = contract.data.safeParse(data)
    if (!parsed.success) refuse(`has data that break the contract of ${command}: ${listOf(parsed.error, 'data')}.`)
  }
}

/**
 * Pub/Sub, Cloud Tasks and other services can not reach a public service: its ingress verifies no caller, so the runtime
 * has no routes for them there. Nor does it put anything in a queue: an attacker who controls it could enqueue any command of any service.
 * @throws Error when a public service receives messages, answers queries or sends commands.
 */
function checkReachable(service: Service): void {
  if (service.ingress !== 'public') return
  const { name, contracts } = service
  const received = [...service.on, ...service.accepts, ...service.emits, ...Object.keys(contracts.queries ?? {})]
  if (received.length > 0)
    throw new Error(
      `The service ${name} is public, so that no delivery or query reaches it: move ${received.join(', ')} to an internal service, which ${name} submits to or asks.`,
    )
  const enqueued = [...service.sends, ...service.requestsRepublishFrom.map(() => republishCommand)]
  if (enqueued.length > 0)
    throw new Error(
      `The service ${name} is public, so that it gets no rights on queues: take ${[...new Set(enqueued)].join(', ')} out of its sends and requestsRepublishFrom. It submits a command to its owner: name it in the submits of ${name} and in the acceptsSubmitted of its owner.`,
    )
}

/** The services that answer these queries. */
export const ownersOf = ({
  uses,
  queries = [],
}: {
  readonly uses: readonly Contracts[]
  readonly queries?: readonly string[]
}) =>
  uses
    .filter((owner) => queries.some((query) => Object.hasOwn(owner.queries ?? {}, query)))
    .map(({ service }) => service)

/** @throws Error when the service has a handler of its own for a reply, starts the saga with an event that implies success, has an objective for an outcome that the saga can not have, or no event for an outcome that it can have. */
function withSaga(service: Service, saga: Omit<NonNullable<Service['saga']>, 'name'>): Service {
  const { definition, startsOn, endsOn, objective } = saga
  const { commands, owners } = commandsOf(definition)
  const { replies } = definition
  const about = `The service ${service.name} can't have the saga ${definition.name}:`
  const twice = replies.find((reply) => service.on.includes(reply))
  if (twice) throw new Error(`${about} ${twice} is a reply to one of its steps, so take it out of "on".`)
  if (definition.successEvents.includes(startsOn))
    throw new Error(
      `${about} it starts on ${startsOn}, which implies success: others would learn of it before the pivot.`,
    )
  const unknown = definition.successEvents.filter((event) => !service.emits.includes(event))
  if (definition.successEvents.length === 0 || unknown.length > 0)
    throw new Error(
      `${about} successEvents are the service's events that imply success, ${unknown.length > 0 ? `and ${unknown.join(', ')} is no event of it` : 'and there must be one'}.`,
    )
  if (!service.collections['streams'])
    throw new Error(`${about} it has no collection "streams", in which a saga's state is recorded.`)
  const silent = Object.entries(endsOn).find(
    ([event, outcome]) => outcome === objective?.good && !definition.successEvents.includes(event),
  )
  if (silent)
    throw new Error(
      `${about} it ends well on ${silent[0]}, which implies success: list it in successEvents, so that no step is answered by it.`,
    )
  const outcomes = Object.values(endsOn)
  const uncounted = rejectionsOf(definition).find((outcome) => !outcomes.includes(outcome))
  if (uncounted)
    throw new Error(
      `${about} it can end as "${uncounted}", but endsOn has no event with this outcome, so that such sagas would not be counted: add the event.`,
    )
  if (objective && !outcomes.includes(objective.good))
    throw new Error(
      `${about} its objective ${objective.name} counts "${objective.good}" as good, but it ends as ${outcomes.join(', ')}.`,
    )
  return {
    ...service,
    uses: [...new Set([...service.uses, ...definition.contracts])],
    on: [...service.on, ...replies],
    sends: [...new Set([...service.sends, ...commands])],
    requestsRepublishFrom: [...new Set([...service.requestsRepublishFrom, ...owners])],
    saga: { name: definition.name, ...saga },
  }
}

/** The outcomes of a saga that a step can end before the pivot; `expired`: a person did not act in time. */
const rejectionsOf = ({ steps, retired }: Saga<never>): string[] => [
  'rejected',
  ...([...steps, ...retired].some(({ pendingOn }) => pendingOn) ? ['expired'] : []),
]

/** The description with its literal names kept, so that handlers can be checked against them. */
export type Defined<D> = Omit<Service, keyof D> &
  Omit<D, 'scale' | 'saga'> &
  Pick<Service, 'scale'> &
  (D extends { readonly saga: infer OfService } ? { readonly saga: OfService & Pick<SagaMetrics, 'name'> } : unknown)

/** The contracts of every message that it publishes, sends or receives. */
export const contractsOf = ({ contracts, uses }: Pick<Service, 'contracts' | 'uses'>): readonly Contracts[] => [
  contracts,
  ...uses,
  runtimeContracts,
]

/** The events to whose topics it publishes. */
export const publishedBy = ({ emits, saga }: Pick<Service, 'emits' | 'saga'>): readonly string[] =>
  saga ? [...emits, ...Object.keys(runtimeContracts.events)] : emits

/** The commands that it puts in queues: the commands that it sends, and to its own queue the commands that were submitted to it, and those that a schedule names. */
export const enqueuedBy = ({ sends, acceptsSubmitted, schedules }: Enqueuing): string[] => [
  ...new Set([...sends, ...acceptsSubmitted, ...Object.values(schedules).map(({ command }) => command)]),
]

type Enqueuing = Pick<Service, 'sends' | 'acceptsSubmitted' | 'schedules'>

/** Whether Cloud Scheduler calls it. */
export const isScheduled = ({ schedules }: Pick<Service, 'schedules'>): boolean => Object.keys(schedules).length > 0

/** Whether it puts anything in a queue. */
export const usesQueues = ({
  requestsRepublishFrom,
  ...service
}: Enqueuing & Pick<Service, 'requestsRepublishFrom'>): boolean =>
  enqueuedBy(service).length > 0 || requestsRepublishFrom.length > 0

/** Commands with content that operators may send. `RepublishEvents` publishes only recorded events. */
export const fromOperators = ({ acceptsFromOperators }: Pick<Service, 'acceptsFromOperators'>): readonly string[] => [
  republishCommand,
  ...acceptsFromOperators,
]

/** True if the service needs a queue and a dead-letter topic. Listeners get replays; emitters get `RepublishEvents`. */
export const receivesMessages = ({ on, accepts, emits }: Pick<Service, 'on' | 'accepts' | 'emits'>): boolean =>
  on.length > 0 || accepts.length > 0 || emits.length > 0
