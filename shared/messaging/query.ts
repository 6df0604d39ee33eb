/** Sends the queries of other services' contracts: makes the path of a request, and parses the answer. */

import { z } from 'zod'
import { declarationOf, type DeclaredCode, type PlatformCode, type RefusalCode, Unavailable } from '../base/errors.ts'
import { listOf } from '../base/issues.ts'
import { shortened } from '../base/shortened.ts'
import type { Contracts } from '../contracts/contract.ts'
import { type QueryContract, targetOf } from '../contracts/query.ts'
import type { Platform, QueryOptions, Relayed } from '../service/platform.ts'
import type { Service } from '../service/service.ts'

const QUOTED_CHARACTERS = 300
/**
 * Answers of the owner's runtime during a deployment: a revision that has the route, or knows that this service may call it,
 * is not everywhere yet. The owner records each refused caller as a security event.
 */
const transient: readonly string[] = ['caller-not-allowed', 'route-missing'] satisfies readonly PlatformCode[]
const problemSchema = z.looseObject({ code: z.string(), detail: z.string() })

/** A request to another service, with this service's identity, a deadline and a circuit breaker. @throws Unavailable */
export type Call = (
  service: string,
  path: string,
  options?: { method?: string; body?: unknown; timeoutMs?: number; hedged?: boolean },
) => Promise<Response>

interface QueryParts {
  readonly service: Pick<Service, 'name' | 'queries'>
  readonly call: Call
}

export function createQuery({ service, call }: QueryParts): Pick<Platform, 'query' | 'relay'> {
  const ask = async (
    owner: Contracts,
    name: string,
    request: object,
    options: QueryOptions = {},
  ): Promise<Response> => {
    if (!service.queries.includes(name))
      throw new Error(`${service.name} does not query ${name}: name it in the description's queries.`)
    const contract = owner.queries![name]!
    const { body } = request as { readonly body?: unknown }
    return call(owner.service, targetOf(contract, request), {
      ...options,
      method: contract.method.toUpperCase(),
      ...(contract.body ? { body } : {}),
    })
  }
  return {
    async relay(owner, name, request, options) {
      const contract = owner.queries![name]!
      const { answers, refuses, method } = contract
      const about = `${owner.service} answered ${name}`
      const response = await ask(owner, name, request, options)
      const relayed = await declared(response, { statuses: Object.keys(answers), refuses, about })
      // A client reads the status as what was done: an answer that the owner did not write says nothing of it.
      if (method !== 'get' && !relayed.refused) await answerOf(response.clone(), { contract, about })
      return relayed
    },
    async query(owner, name, request, options) {
      const response = await ask(owner, name, request, options)
      const answer = await answerOf(response, {
        contract: owner.queries![name]!,
        about: `${owner.service} answered ${name}`,
      })
      // Its type follows from the contract, by which it was parsed.
      return answer as never
    },
  }
}

interface SentQuery {
  readonly contract: QueryContract
  readonly about: string
}

/** @throws Unavailable, Error as `refusalIn`; Error for an answer that breaks the contract: a bug of the owner. */
async function answerOf(response: Response, { contract, about }: SentQuery): Promise<object> {
  const { status } = response
  const text = await response.text()
  const schema = contract.answers[status]
  if (schema === null) return { status }
  if (schema === undefined) {
    const { code, detail } = refusalIn(text, status, { refuses: contract.refuses, about })
    return { refused: code.name, detail }
  }
  const parsed = schema.safeParse(jsonIn(text))
  if (parsed.success) return { status, body: parsed.data }
  throw new Error(`${about} with ${status}, which breaks its contract: ${listOf(parsed.error, 'answer')}.`)
}

interface Declared {
  readonly statuses: readonly string[]
  readonly refuses: readonly RefusalCode[] | undefined
  readonly about: string
}

/** An answer that is relayed unchanged. @throws Unavailable, Error as `refusalIn`. */
export async function declared(response: Response, { statuses, refuses, about }: Declared): Promise<Relayed> {
  if (statuses.includes(String(response.status))) return { response }
  const { code } = refusalIn(await response.clone().text(), response.status, { refuses, about })
  return { response, refused: code }
}

/** @throws Unavailable while the owner is being deployed; Error for a status or a refusal that is not declared. */
function refusalIn(
  text: string,
  status: number,
  { refuses = [], about }: Omit<Declared, 'statuses'>,
): { readonly code: DeclaredCode; readonly detail: string } {
  const problem = problemSchema.safeParse(jsonIn(text))
  const code = refuses.map(declarationOf).find(({ name }) => name === problem.data?.code)
  if (code) return { code, detail: problem.data!.detail }
  if (problem.success && transient.includes(problem.data.code))
    throw new Unavailable(`${about} with ${problem.data.code}: ${shortened(problem.data.detail, QUOTED_CHARACTERS)}`)
  throw new Error(`${about} with ${status}, which its contract does not name: ${shortened(text, QUOTED_CHARACTERS)}`)
}

/** Undefined for text that is not JSON, which no contract accepts. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
