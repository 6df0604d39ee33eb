/** Declares the public operations of a service. The types of bodies, parameters and answers follow from its contracts. */

import type { z } from 'zod'
import type { Code } from '../base/errors.ts'
import { pick } from '../base/pick.ts'
import type { Secrets } from '../base/secret.ts'
import type { Setting } from '../base/setting.ts'
import type { CommandType, Contracts, QueryName, QueryNamed } from '../contracts/contract.ts'
import { type ParameterSchemas, type ParametersOf, pathParametersOf, type QueryRequest } from '../contracts/query.ts'
import type { ActOf, Api, QueryOperation, AtEdge, DeclaredOperation, Given, Handled, Submitted } from './api.ts'
import {
  type ApiDescription,
  type Cache,
  type Caller,
  type Deprecation,
  type Operation,
  submittedAnswers,
} from './operation.ts'
import type { Edges } from './edges.ts'
import type { RequestObjective } from './request-objective.ts'
import type { EarlierVersion, Shaped } from './earlier-version.ts'

type PathNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PathNames<Rest>
  : never

type ParametersIn<Q> = Q extends { readonly parameters: infer P extends ParameterSchemas } ? P : object
type PathOf<Q> = Q extends { readonly path: infer P extends string } ? P : never
/** Of the query's parameters, those in the operation's path, and the query's search parameters. */
type ParametersInQuery<Q, Path extends string> = Pick<
  ParametersIn<Q>,
  keyof ParametersIn<Q> & (PathNames<Path> | Exclude<keyof ParametersIn<Q>, PathNames<PathOf<Q>>>)
>

type CommandData<C extends Contracts, T extends string> = C['commands'][T] extends {
  readonly data: infer Data extends z.ZodObject
}
  ? Data
  : never
type Fields<Data extends z.ZodObject> = keyof Data['shape'] & string

/** The parts of `Operation` that an author gives as they are. */
type Common<Access extends string, Role extends string> = Pick<
  Operation<Access, Role>,
  'access' | 'notFor' | 'summary' | 'charges' | 'maxBodyBytes' | 'isIdempotent' | 'types'
> & {
  /** Deprecates all of its versions. */
  readonly deprecated?: Deprecation
  /** Besides the refusals that the contract names, and those that follow from access, key and body. */
  readonly problems?: readonly Code[]
  /** The service level objective of its requests: that they are answered, and in which time. */
  readonly objective?: Pick<RequestObjective, 'name' | 'title'>
}

/** In the place of fields of a contract, which has to read what was recorded before. An optional one stays so by its own schema. */
type Narrowed<Shape> = { readonly [Name in keyof Shape]?: Shape[Name] }

type AnswersOf<Q> = Q extends { readonly answers: infer A } ? A : object
type BodyOf<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined
/** Shapes that may replace the answers of a query. */
type ShapesOf<Q> = { readonly [Status in keyof AnswersOf<Q>]?: Shaped<BodyOf<AnswersOf<Q>[Status]>> }
/** The bodies of the newest version's answers. */
type ShownBy<Q, Shapes> = {
  readonly [Status in keyof AnswersOf<Q>]: Status extends keyof Shapes
    ? Shapes[Status] extends { readonly schema: infer Schema }
      ? BodyOf<Schema>
      : never
    : BodyOf<AnswersOf<Q>[Status]>
}

type AskOperation<Q, Path extends string, Access extends string, Role extends string, Body, Key, Shapes> = Common<
  Access,
  Role
> & {
  readonly path: Path
  readonly requiresIdempotencyKey?: Key
  readonly body?: Body
  /** Parameters of which the edge takes less than the query does. */
  readonly narrows?: Narrowed<ParametersInQuery<Q, Path>>
  /** Status → its meaning. The schemas are the query's. */
  readonly answers: { readonly [Status in keyof AnswersOf<Q>]: string }
  /** Answers that are shown in another shape than the query's. */
  readonly shapes?: Shapes & ShapesOf<Q>
  /** Former versions, served beside it. The parameters are the same. */
  readonly earlier?: readonly EarlierVersion<BodyOf<Body>, ShownBy<Q, Shapes>>[]
  /** Absent: as long as any query. */
  readonly timeoutMs?: number
  /** A read that takes longer than most is sent a second time, within a budget. Of a GET alone. */
  readonly hedged?: true
  /** For how long a client may use an answer without asking again. Of a GET alone. */
  readonly cache?: Cache
  /** The header `Location` of an answer that is no refusal. */
  readonly location?: (given: AskGiven<Q, Path, Body, Key>) => string
  /** Recorded when the query was not refused. */
  readonly securityEvent?: (given: AskGiven<Q, Path, Body, Key>) => ActOf
} & (ParametersOf<{ parameters: ParametersInQuery<Q, Path> }> extends QueryRequest<Q>
    ? { readonly request?: AskRequest<Q, Path, Body, Key> }
    : { readonly request: AskRequest<Q, Path, Body, Key> })

type AskGiven<Q, Path extends string, Body, Key> = Given<
  ParametersOf<{ parameters: ParametersInQuery<Q, Path> }>,
  Body extends z.ZodType ? z.output<Body> : undefined,
  Key extends true ? string : undefined
>
/** The request of the query; absent: the parameters. Pure. @throws Refused for what the caller may not ask. */
type AskRequest<Q, Path extends string, Body, Key> = (given: AskGiven<Q, Path, Body, Key>) => QueryRequest<Q>

type SubmitOperation<
  Data extends z.ZodObject,
  Path extends string,
  Access extends string,
  Role extends string,
  Derived extends string,
  Checked,
> = Omit<Common<Access, Role>, 'isIdempotent'> & {
  /** Never `public` or `signed`: a command has an actor. */
  readonly access: Access
  readonly path: Path
  /** Fields of the command that neither path nor body give. Pure: the same key has the same command. */
  readonly derives?: {
    readonly [F in Derived]: (caller: Caller, key: string) => z.input<Data>[F & keyof z.input<Data>]
  }
  /** Fields of which the edge takes less than the command does. */
  readonly narrows?: Narrowed<Data['shape']>
  /** The field that names what the command is about. */
  readonly subject: Fields<Data>
  /** Fields that join the command's id in the answer. */
  readonly answers?: readonly Fields<Data>[]
  /**
   * The subject whose objects alone the caller may act on: the owner's check answers 404 for those of others; undefined: every
   * object. Absent: callers act on what is their own, except by a privileged role that `access` takes.
   */
  readonly limitedTo?: (caller: Caller) => string | undefined
  /** `If-Match` is checked, against the version of the subject's stream. */
  readonly checksVersion?: true
  /** The service's code at the edge has a check, which runs before the command is submitted. */
  readonly isChecked?: Checked
  /** Former versions, served beside it. The parameters are the same; each body is upcast to that of the newest. */
  readonly earlier?: readonly EarlierVersion[]
}

/** The operation as the checks and the code at the edge have it. */
interface SubmittedOperation<Data extends z.ZodObject, Given extends string> extends Operation {
  readonly requiresIdempotencyKey: true
  readonly body: z.ZodObject<Omit<Data['shape'], Given>, z.core.$strict>
  readonly parameters: Pick<Data['shape'], Given & keyof Data['shape']> & ParameterSchemas
}

export interface Declare<C extends Contracts, Role extends string, Access extends string> {
  /** Hands on the answer of one query of the service: parameters, answers and refusals are those of its contract. */
  asks<
    const N extends QueryName<C>,
    const Path extends `/${string}`,
    Body extends z.ZodType | undefined = undefined,
    const Key extends true | undefined = undefined,
    const Shapes extends ShapesOf<QueryNamed<C, N>> = object,
  >(
    query: N,
    operation: AskOperation<QueryNamed<C, N>, Path, Access, Role, Body, Key, Shapes>,
  ): QueryOperation
  /** Submits one command of the service. The body has the fields of its data that neither the path nor `derives` give. */
  submits<
    const T extends CommandType<C>,
    const Path extends `/${string}`,
    const Derived extends string = never,
    const Checked extends true | undefined = undefined,
  >(
    command: T,
    operation: SubmitOperation<CommandData<C, T>, Path, Access, Role, Derived, Checked>,
  ): Submitted<SubmittedOperation<CommandData<C, T>, Derived | PathNames<Path>>, Checked>
  /** Is answered by the service's code at the edge: a composition, or a webhook, whose signature that code checks. */
  handles<const O extends Operation<Access, Role>>(
    operation: O & Pick<Common<Access, Role>, 'objective'> & { readonly earlier?: readonly EarlierVersion[] },
  ): Handled<O>
}

type EdgeOf<C extends Contracts, Uses extends readonly Contracts[]> = {
  readonly uses?: Uses
  readonly queries?: readonly QueryName<C | Uses[number]>[]
  readonly submits?: readonly CommandType<C | Uses[number]>[]
  readonly settings?: readonly Setting[]
  readonly secrets?: Secrets
  readonly edges?: Edges
  readonly problemMembers?: ApiDescription['problemMembers']
  readonly webhooks?: Api['webhooks']
}

/** Declares the public operations of one service. `atEdge`: what its code at the edge needs there. */
export type DefineApi<Role extends string, Access extends string> = <
  const C extends Contracts,
  const Table extends Readonly<Record<string, DeclaredOperation>>,
  const Uses extends readonly Contracts[] = readonly [],
  const Edge extends EdgeOf<C, Uses> = object,
>(
  contracts: C,
  declare: (operations: Declare<C, Role, Access>) => Table,
  atEdge?: Edge & EdgeOf<C, Uses>,
) => Omit<Api, 'contracts' | 'operations' | 'atEdge'> & {
  readonly contracts: C
  readonly operations: Table
  readonly atEdge: Omit<AtEdge, keyof Edge> & Edge
}

/** For the roles that tokens name, and the names of access that operations may declare. */
export const apisFor = <Role extends string, Access extends string>(): DefineApi<Role, Access> =>
  ((contracts: Contracts, declare: (operations: unknown) => Api['operations'], atEdge: EdgeOf<Contracts, []> = {}) => {
    const { problemMembers, webhooks, ...edge } = atEdge
    return {
      contracts,
      operations: declare({ asks: asking(contracts), submits: submitting(contracts), handles: handling }),
      atEdge: { uses: [], queries: [], submits: [], settings: [], secrets: {}, edges: {}, ...edge },
      ...(problemMembers ? { problemMembers } : {}),
      ...(webhooks ? { webhooks } : {}),
    } satisfies Api
  }) as unknown as DefineApi<Role, Access>

type GivenAsk = Omit<Operation, 'method' | 'parameters' | 'answers' | 'submits'> &
  Partial<
    Pick<
      QueryOperation,
      'request' | 'shapes' | 'timeoutMs' | 'hedged' | 'location' | 'securityEvent' | 'objective' | 'earlier'
    >
  > & {
    readonly answers: Readonly<Record<string, string>>
    readonly narrows?: ParameterSchemas
  }

const asking =
  (contracts: Contracts) =>
  (query: string, given: GivenAsk): QueryOperation => {
    const {
      request = paramsOf,
      shapes,
      timeoutMs,
      hedged,
      location,
      securityEvent,
      objective,
      earlier,
      answers,
      narrows = {},
      ...operation
    } = given
    const contract = contracts.queries![query]!
    const { method } = contract
    const { path, problems = [] } = operation
    if (hedged && method !== 'get') throw new Error(`${query} is no GET: only a read is sent a second time.`)
    return {
      method,
      path,
      objective,
      earlier,
      asks: query,
      request,
      shapes,
      timeoutMs,
      hedged,
      location,
      securityEvent,
      describe: () => ({
        ...operation,
        method,
        parameters: { ...parametersInQuery(contract, path), ...narrows },
        answers: Object.fromEntries(
          Object.entries(contract.answers).map(([status, schema]) => [
            status,
            schema === null ? [answers[status]!] : [answers[status]!, shapes?.[Number(status)]?.schema ?? schema],
          ]),
        ),
        problems: [...problems, ...(contract.refuses ?? [])],
      }),
    }
  }

const paramsOf = ({ params }: Given): object => params

function parametersInQuery(
  { path: pathOfQuery, parameters = {} }: { readonly path: string; readonly parameters?: ParameterSchemas },
  path: string,
): ParameterSchemas {
  const [inPath, inQuery] = [pathParametersOf({ path }), pathParametersOf({ path: pathOfQuery })]
  return Object.fromEntries(
    Object.entries(parameters).filter(([name]) => inPath.includes(name) || !inQuery.includes(name)),
  )
}

type GivenSubmit = Omit<
  Operation,
  'method' | 'parameters' | 'answers' | 'submits' | 'body' | 'requiresIdempotencyKey'
> &
  Partial<Pick<Submitted, 'answers' | 'derives' | 'limitedTo' | 'isChecked' | 'objective' | 'earlier'>> &
  Pick<Submitted, 'subject'> & { readonly narrows?: z.ZodRawShape }

const submitting =
  (contracts: Contracts) =>
  (command: string, given: GivenSubmit): Submitted => {
    const {
      subject,
      answers = [],
      derives = {},
      limitedTo,
      isChecked,
      objective,
      earlier,
      narrows,
      ...operation
    } = given
    const { data, refuses = [], example } = contracts.commands[command]!
    const { path, problems = [] } = operation
    return {
      method: 'post',
      path,
      objective,
      earlier,
      submits: command,
      subject,
      answers,
      derives,
      limitedTo,
      isChecked,
      describe: () => {
        // A command that enters from outside has an object as its data: any other does not compile.
        const taken = narrows ? (data as z.ZodObject).extend(narrows) : (data as z.ZodObject)
        const { shape } = taken
        const inPath = pathParametersOf({ path })
        const elsewhere = [...inPath, ...Object.keys(derives)]
        return {
          ...operation,
          method: 'post',
          parameters: pick(shape, inPath),
          requiresIdempotencyKey: true,
          ...(Object.keys(shape).every((field) => elsewhere.includes(field))
            ? {}
            : {
                body: withExample(
                  elsewhere.length === 0 ? taken : taken.omit(maskOf(elsewhere)),
                  omitted(example as object, elsewhere),
                ),
              }),
          submits: true,
          answers: submittedAnswers(pick(shape, answers)),
          problems: [...problems, ...refuses],
        }
      },
    }
  }

/** The document shows it, as JSON Schema has it. */
const withExample = (schema: z.ZodType, example: object): z.ZodType => schema.meta({ examples: [example] })
const omitted = (value: object, names: readonly string[]): object =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))

const maskOf = (names: readonly string[]): Record<string, true> =>
  Object.fromEntries(names.map((name) => [name, true as const]))

const handling = ({
  objective,
  earlier,
  ...operation
}: Operation & Pick<Handled, 'objective' | 'earlier'>): Handled => {
  const { method, path } = operation
  return { method, path, objective, earlier, isHandled: true, describe: () => operation }
}
