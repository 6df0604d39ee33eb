/** The contract of a query: a request of one service to another over HTTP, and every answer to it. */

import type { z } from 'zod'
import { declarationOf, isRefusalCode, type RefusalCode, ruleCodes } from '../base/errors.ts'
import { listOf } from '../base/issues.ts'
import type { Immutable } from './immutable.ts'

/** Name → schema. A search parameter may be optional. */
export type ParameterSchemas = Readonly<Record<string, z.ZodType<string | undefined>>>

export interface QueryContract {
  /** A `get` is asked again when its callee was unavailable. */
  readonly method: 'get' | 'post' | 'delete'
  /** With parameters as OpenAPI writes them: `/rooms/{roomId}`. */
  readonly path: string
  /** One that the path does not name is a search parameter. None is called `body`. */
  readonly parameters?: ParameterSchemas
  readonly body?: z.ZodType
  /**
   * Status → schema of the body; null: an answer without a body. A new field is optional: callers may read answers of an
   * older revision. `defineContracts` keeps only the shape: bounds apply to requests, and answers contain stored data.
   */
  readonly answers: Readonly<Record<number, z.ZodType | null>>
  /** The codes of refusals by the owner's rules that a caller has to reckon with; any other is a bug. */
  readonly refuses?: readonly RefusalCode[]
}

/** The values of a request's parameters, by name. */
export type ParametersOf<Q> = Q extends { readonly parameters: infer P extends Readonly<Record<string, z.ZodType>> }
  ? { readonly [Name in keyof P]: z.output<P[Name]> }
  : object

/** The arguments of a query: the parameters by name, and `body` if it has one. */
export type QueryRequest<Q> = ParametersOf<Q> &
  (Q extends { readonly body: infer Body extends z.ZodType } ? { readonly body: Immutable<z.input<Body>> } : object)

/** The same, as its handler gets it: parsed. */
export type ParsedRequest<Q> = ParametersOf<Q> &
  (Q extends { readonly body: infer Body extends z.ZodType } ? { readonly body: z.output<Body> } : object)

type BodyOf<Schema> = Schema extends z.ZodType
  ? { readonly body: Immutable<z.output<Schema>> }
  : { readonly body?: undefined }

/** Status and body of an answer: a closed union over the statuses. */
export type Answered<Q> = Q extends { readonly answers: infer A }
  ? { [Status in keyof A & number]: { readonly status: Status } & BodyOf<A[Status]> }[keyof A & number]
  : never

type NameOf<C> = C extends { readonly name: infer Name extends string } ? Name : C

/** The owner's rules do not allow it. */
type RefusedAnswer<Q> = Q extends { readonly refuses: readonly (infer Refusal)[] }
  ? {
      readonly refused: NameOf<Refusal>
      readonly detail: string
      readonly status?: undefined
      readonly body?: undefined
    }
  : never

/** The result of a query: an answer, or one of the refusals that the contract names. */
export type QueryAnswer<Q> = (Answered<Q> & { readonly refused?: undefined }) | RefusedAnswer<Q>

/** @throws Error for a query that names an answer of the runtime among the refusals of its owner. */
export function checkRefusals(name: string, { refuses = [] }: QueryContract): void {
  const unfit = refuses.find((code) => !isRefusalCode(code))
  if (unfit !== undefined)
    throw new Error(
      `The query ${name} can't refuse with ${declarationOf(unfit).name}: the runtime answers with it before the rules of the owner run. Take one of ${ruleCodes.join(', ')}, or declare a code with defineCodes.`,
    )
}

const PARAMETER = /\{(\w+)\}/g

/** The parameters in the path. */
export const pathParametersOf = ({ path }: Pick<QueryContract, 'path'>): string[] =>
  [...path.matchAll(PARAMETER)].map(([, name]) => name!)

/** The path as Hono writes it. @throws Error for a parameter without a schema. */
export const routeOf = ({ path, parameters = {} }: Pick<QueryContract, 'path' | 'parameters'>): string =>
  path.replaceAll(PARAMETER, (_, name: string) => {
    if (Object.hasOwn(parameters, name)) return `:${name}`
    throw new Error(`${path} has the parameter ${name}, which is not in its parameters: give it a schema there.`)
  })

/**
 * The path and search of a request, each parameter parsed and encoded.
 * @throws Error for a parameter that breaks its schema: a bug of the caller, whose input was to be checked before.
 */
export function targetOf({ path, parameters = {} }: QueryContract, request: object): string {
  const given = Object.entries(parameters).map(([name, schema]) => {
    const parsed = schema.safeParse((request as Readonly<Record<string, unknown>>)[name])
    if (!parsed.success) throw new Error(`${path}: ${listOf(parsed.error, name)}.`)
    return [name, parsed.data] as const
  })
  const inPath = Object.fromEntries(given)
  const search = new URLSearchParams()
  for (const [name, value] of given) if (value !== undefined && !path.includes(`{${name}}`)) search.set(name, value)
  const target = path.replaceAll(PARAMETER, (_, name: string) => encodeURIComponent(inPath[name]!))
  return search.size === 0 ? target : `${target}?${search.toString()}`
}
