/** The definition of a saga as data, and the checks of it: `saga.ts` interprets it. */

import type { CommandContract, CommandOf, Contracts, EventOf, EventType } from '../contracts/contract.ts'
import type { Immutable } from '../contracts/immutable.ts'
import { Unavailable } from '../base/errors.ts'

export interface SagaStep<Context> {
  /** Persisted with every saga that waits at the step. Unique within the definition, retired steps included. */
  readonly name: string
  readonly command: string
  readonly data: (context: Context) => unknown
  /**
   * True for a saga that does not need the step: it is neither performed nor compensated. It depends on nothing but the
   * context, which does not change, so that the answer is the same whenever it is asked.
   */
  readonly skipIf?: (context: Context) => boolean
  /** The reply with which the step has succeeded. */
  readonly done: string
  /** The reply with which it has failed, and done nothing. */
  readonly failed: string
  /** The reason of the rejection, by the data of `failed`; absent: the type of `failed`. */
  readonly reasonOf?: (data: never) => string
  readonly timeoutSeconds: number
  /** A reply that extends the timeout once: a person has to act first. */
  readonly pendingOn?: {
    readonly event: string
    readonly timeoutSeconds: number
    /** The reason of the rejection when that time is up. */
    readonly onTimeout: string
  }
  /**
   * A person may remedy the failure: the step then waits for `tryAgain` of the engine, within the time of `pendingOn`, which
   * begins when the person first has to act and is not extended. Further attempts may be made while an attempt is pending on
   * the person as well.
   */
  readonly tryAgain?: {
    readonly maxAttempts: number
    /** An attempt at the end of the person's time has at least this time for its reply. */
    readonly timeoutSeconds: number
    /** The number of the attempt, from 1, which every reply to the step has: a late reply to an earlier one is ignored. */
    readonly attemptOf: (data: never) => number
    /** True for the data of a failure that no person can remedy; absent: every one can be remedied. */
    readonly isFinal?: (data: never) => boolean
  }
  /** When the time is up, the outcome is looked up before anything is compensated: a reply may be late, and the step done. */
  readonly inquire?: {
    readonly command: string
    readonly data: (context: Context) => unknown
    /** The reply that the step is neither done nor has failed. In those cases the reply is that of the step. */
    readonly undecided: string
    /** Without any reply in this time the step counts as one that may have been performed. */
    readonly timeoutSeconds: number
  }
  /** Absent only where the command is `readOnly`: then there is nothing to compensate. */
  readonly compensate?: {
    readonly command: string
    readonly data: (context: Context) => unknown
    /** The reply, also when there was nothing to compensate. */
    readonly compensated: string
  }
}

export interface Saga<
  Context,
  Uses extends readonly Contracts[] = readonly Contracts[],
  ReplyType extends string = string,
> {
  readonly name: string
  /** Counts from 1; raised when the list of steps changes. */
  readonly version: number
  /** The contracts of the services that own its commands and replies. */
  readonly contracts: Uses
  /** The events that answer its steps, those of retired steps included. */
  readonly replies: readonly ReplyType[]
  /** The correlation id of everything that belongs to one saga, and the id of its owner's stream. */
  readonly idOf: (context: Context) => string
  /** Events by which the owner tells others that the saga has succeeded: published at the pivot or later. */
  readonly successEvents: readonly string[]
  /** In the order in which they are performed; compensated in reverse. */
  readonly steps: readonly SagaStep<Context>[]
  /** Steps that only sagas of an earlier version perform and compensate. */
  readonly retired: readonly SagaStep<Context>[]
  /** By version, the names of the steps that it had. */
  readonly previousVersions: Readonly<Record<number, readonly string[]>>
}

/** A command of these contracts, with a function that gives its data. */
type CommandBy<Uses extends Contracts, Context> =
  CommandOf<Uses> extends infer Command
    ? Command extends { readonly type: infer Type; readonly data: infer Data }
      ? { readonly command: Type; readonly data: (context: Context) => Immutable<Data> }
      : never
    : never

/** An event of these contracts by which a step fails, with a function of its data. */
type FailedBy<Uses extends Contracts> =
  EventOf<Uses> extends infer Event
    ? Event extends { readonly type: infer Type; readonly data: infer Data }
      ? { readonly failed: Type; readonly reasonOf?: (data: Data) => string }
      : never
    : never

type StepOf<Uses extends Contracts, Context> = Pick<SagaStep<Context>, 'name' | 'skipIf' | 'timeoutSeconds'> &
  CommandBy<Uses, Context> &
  FailedBy<Uses> & {
    readonly done: EventType<Uses>
    readonly pendingOn?: NonNullable<SagaStep<Context>['pendingOn']> & { readonly event: EventType<Uses> }
    readonly tryAgain?: NonNullable<SagaStep<Context>['tryAgain']>
    readonly inquire?: CommandBy<Uses, Context> & {
      readonly undecided: EventType<Uses>
      readonly timeoutSeconds: number
    }
    readonly compensate?: CommandBy<Uses, Context> & { readonly compensated: EventType<Uses> }
  }

export interface SagaDefinition<
  Context,
  Uses extends readonly Contracts[],
  Steps extends readonly StepOf<Uses[number], Context>[] = readonly StepOf<Uses[number], Context>[],
  Retired extends readonly StepOf<Uses[number], Context>[] = readonly StepOf<Uses[number], Context>[],
> {
  readonly name: string
  readonly version: number
  readonly contracts: Uses
  readonly idOf: (context: Context) => string
  readonly successEvents: readonly string[]
  readonly steps: Steps
  readonly retired?: Retired
  readonly previousVersions?: Readonly<Record<number, readonly string[]>>
}

/** The names of the events that answer a step. */
type ReplyTypeOf<Step> =
  | (Step extends { readonly done: infer Type extends string } ? Type : never)
  | (Step extends { readonly failed: infer Type extends string } ? Type : never)
  | (Step extends { readonly pendingOn: { readonly event: infer Type extends string } } ? Type : never)
  | (Step extends { readonly inquire: { readonly undecided: infer Type extends string } } ? Type : never)
  | (Step extends { readonly compensate: { readonly compensated: infer Type extends string } } ? Type : never)

/** `{ type, data }` of every reply to a step of the saga, by the contracts of the services that own them: a closed union. */
export type ReplyOf<S> =
  S extends Saga<never, infer Uses, infer Type> ? Extract<EventOf<Uses[number]>, { readonly type: Type }> : never

/**
 * Declares a saga. Misspelt commands and events do not compile, nor does data that breaks a command's contract.
 * @throws Error that names the step and the remedy, for a definition with a step that could not be compensated
 */
export function defineSaga<
  Context,
  const Uses extends readonly Contracts[],
  const Steps extends readonly StepOf<Uses[number], Context>[],
  const Retired extends readonly StepOf<Uses[number], Context>[] = [],
>(
  definition: SagaDefinition<Context, Uses, Steps, Retired>,
): Saga<Context, Uses, ReplyTypeOf<Steps[number] | Retired[number]>> {
  const {
    steps,
    retired = [],
    previousVersions = {},
  } = definition as unknown as Pick<Saga<Context>, 'steps'> & Partial<Saga<Context>>
  const replies = unique([...steps, ...retired].flatMap(repliesOf))
  const saga: Saga<Context> = { ...definition, steps, retired, previousVersions, replies }
  const [problem] = problemsOf(saga)
  if (problem) throw new Error(`The saga ${saga.name} can't be declared: ${problem}`)
  return saga as unknown as Saga<Context, Uses, ReplyTypeOf<Steps[number] | Retired[number]>>
}

function problemsOf<C>(saga: Saga<C>): string[] {
  const steps = [...saga.steps, ...saga.retired]
  return [
    ...(saga.steps.length === 0 ? ['it has no steps.'] : []),
    ...repeated(steps.map(({ name }) => name)).map(
      (name) => `two steps are named "${name}": persisted sagas name one.`,
    ),
    ...steps.flatMap((step) => stepProblems(saga, step).map((problem) => `step "${step.name}" ${problem}`)),
    ...versionProblems(saga),
  ]
}

/** Cloud Tasks holds a task for at most 30 days: https://cloud.google.com/tasks/docs/quotas */
const MAX_TIMEOUT_SECONDS = 29 * 86_400
const isTimeout = (seconds: number): boolean => seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS
const bounds = `not above 0 and at most ${MAX_TIMEOUT_SECONDS}`

function stepProblems<C>(saga: Saga<C>, { command, compensate, ...step }: SagaStep<C>): string[] {
  const { timeoutSeconds, pendingOn, tryAgain, inquire } = step
  const replies = repliesOf({ command, compensate, ...step } as SagaStep<C>)
  const early = replies.find((reply) => saga.successEvents.includes(reply))
  return [
    ...(isTimeout(timeoutSeconds) ? [] : [`has no timeout: timeoutSeconds is ${timeoutSeconds}, ${bounds}.`]),
    ...(!pendingOn || isTimeout(pendingOn.timeoutSeconds)
      ? []
      : [`has no timeout once it is pending: pendingOn.timeoutSeconds is ${pendingOn.timeoutSeconds}, ${bounds}.`]),
    ...(!inquire || isTimeout(inquire.timeoutSeconds)
      ? []
      : [`has no timeout of its inquiry: inquire.timeoutSeconds is ${inquire.timeoutSeconds}, ${bounds}.`]),
    ...(!tryAgain || isTimeout(tryAgain.timeoutSeconds)
      ? []
      : [`has no timeout of a further attempt: tryAgain.timeoutSeconds is ${tryAgain.timeoutSeconds}, ${bounds}.`]),
    ...(tryAgain && !pendingOn
      ? ['may be tried again by a person, but has no pendingOn: that is the time which the person has.']
      : []),
    ...(inquire && !compensate
      ? ['inquires before it is compensated, but has no compensation: nothing depends on the answer.']
      : []),
    ...foreign(saga, command, [step.done, step.failed, ...(pendingOn ? [pendingOn.event] : [])]),
    ...(inquire ? foreign(saga, inquire.command, [inquire.undecided, step.done, step.failed]) : []),
    ...(compensate ? foreign(saga, compensate.command, [compensate.compensated]) : []),
    ...(early === undefined
      ? []
      : [`is answered by ${early}, which implies success: others would learn of it before the pivot.`]),
    ...compensationProblems(saga, command, compensate?.command),
  ]
}

/** A saga that lost a reply asks the command's owner to republish its events, so that owner's event has to be the reply. */
function foreign<C>(saga: Saga<C>, command: string, replies: readonly string[]): string[] {
  const owner = ownerOf(saga, command)
  return replies
    .filter((reply) => owner && !Object.hasOwn(owner.events, reply))
    .map(
      (reply) =>
        `expects ${reply} as the answer to ${command}, but ${owner!.service}, which owns it, has no such event.`,
    )
}

/** Before the pivot everything can be taken back: by a compensation, or because the command changes nothing. */
function compensationProblems<C>(saga: Saga<C>, command: string, compensation: string | undefined): string[] {
  if (compensation === undefined) {
    if (contractOf(saga, command)?.readOnly) return []
    return [
      `sends ${command}, which nothing takes back: give it a compensation, declare the command readOnly in its contract, or send it after the pivot.`,
    ]
  }
  const contract = contractOf(saga, compensation)
  return [
    ...(contract?.compensates === command
      ? []
      : [
          `is compensated by ${compensation}, whose contract does not say compensates: '${command}': it may be unsafe when ${command} was never performed.`,
        ]),
    ...(contract?.retryForever
      ? []
      : [`is compensated by ${compensation}, which is dead-lettered after 20 attempts: declare it retryForever.`]),
  ]
}

function versionProblems<C>({ version, steps, retired, previousVersions }: Saga<C>): string[] {
  const names = new Set([...steps, ...retired].map(({ name }) => name))
  const previous = Object.entries(previousVersions)
  const used = new Set(previous.flatMap(([, list]) => list))
  return [
    ...(Number.isInteger(version) && version > 0 ? [] : [`its version is ${version}, not 1 or more.`]),
    ...previous.flatMap(([past, list]) => [
      ...(Number(past) < version ? [] : [`previousVersions holds ${past}, which is not before version ${version}.`]),
      ...list
        .filter((name) => !names.has(name))
        .map((name) => `version ${past} had the step "${name}", which is gone: keep it in retired.`),
    ]),
    ...retired
      .filter(({ name }) => !used.has(name))
      .map(({ name }) => `step "${name}" is retired, and no version in previousVersions had it.`),
    ...[...previous.map(([, list]) => list), steps.map(({ name }) => name)].flatMap((list) =>
      repeated([...steps, ...retired].filter(({ name }) => list.includes(name)).flatMap(repliesOf)).map(
        (reply) => `${reply} answers two of the steps ${list.join(', ')}: a late reply would not say which.`,
      ),
    ),
  ]
}

const repeated = (names: readonly string[]): string[] => names.filter((name, index) => names.indexOf(name) < index)
export const ownerOf = <C>({ contracts }: Saga<C>, command: string): Contracts | undefined =>
  contracts.find(({ commands }) => Object.hasOwn(commands, command))
const contractOf = <C>(saga: Saga<C>, command: string): CommandContract | undefined =>
  ownerOf(saga, command)?.commands[command]
const repliesOf = <C>({ done, failed, pendingOn, inquire, compensate }: SagaStep<C>): string[] => [
  done,
  failed,
  ...(pendingOn ? [pendingOn.event] : []),
  ...(inquire ? [inquire.undecided] : []),
  ...(compensate ? [compensate.compensated] : []),
]

/** The commands of a service with this saga, including those of retired steps, which are still performed and compensated. */
export function commandsOf({ contracts, steps, retired }: Saga<never>): {
  readonly commands: readonly string[]
  /** The services that own them. */
  readonly owners: readonly string[]
} {
  const commands = unique(
    [...steps, ...retired].flatMap(({ command, inquire, compensate }) => [
      command,
      ...(inquire ? [inquire.command] : []),
      ...(compensate ? [compensate.command] : []),
    ]),
  )
  const owners = contracts.filter((one) => commands.some((command) => Object.hasOwn(one.commands, command)))
  return { commands, owners: owners.map(({ service }) => service) }
}

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)]

/** The definitions on which persisted sagas rely, by `name@version`, as plain data: never change them, only add to them. */
export function frozenVersions<C>(saga: Saga<C>): Record<string, unknown> {
  const versions = [...Object.keys(saga.previousVersions).map(Number), saga.version]
  return Object.fromEntries(
    versions.map((version) => [
      `${saga.name}@${version}`,
      stepsOf(saga, version).map(({ name, command, done, failed, pendingOn, tryAgain, inquire, compensate }) => ({
        name,
        command,
        done,
        failed,
        ...(pendingOn ? { pendingOn: pendingOn.event } : {}),
        ...(tryAgain ? { tryAgain: true } : {}),
        ...(inquire ? { inquire: inquire.command, undecided: inquire.undecided } : {}),
        ...(compensate ? { compensate: compensate.command, compensated: compensate.compensated } : {}),
      })),
    ]),
  )
}

/** The steps that sagas of this version perform, in order. @throws Unavailable, Error */
export function stepsOf<C>(saga: Saga<C>, version: number): readonly SagaStep<C>[] {
  if (version === saga.version) return saga.steps
  const about = `version ${version} of the saga ${saga.name}`
  if (version > saga.version) throw new Unavailable(`A newer revision knows ${about}: this one has ${saga.version}.`)
  const names = saga.previousVersions[version]
  if (!names) throw new Error(`There is no ${about} any more: put its steps back into previousVersions and retired.`)
  const known = [...saga.steps, ...saga.retired]
  return names.map((name) => known.find((step) => step.name === name)!)
}
