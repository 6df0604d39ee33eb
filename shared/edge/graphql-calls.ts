/** Answers requests of GraphQL by the operations of the public API. Loaded at the first of them. */

import { buildSchema, execute, type ExecutionArgs, getOperationAST, OperationTypeNode, validate } from 'graphql'
import type { Context } from 'hono'
import { requestContext } from '../base/deadline.ts'
import { Refused, refuseIf } from '../base/errors.ts'
import { measured } from '../graphql/limits.ts'
import { KEY_ARGUMENT } from '../graphql/names.ts'
import type { Caller } from '../service/operation.ts'
import type { GraphqlRecord } from '../service/public-api.ts'
import type { Graph, Run } from './graph.ts'
import { inQuery, parsed, parsedRequest, textOf } from './graphql-document.ts'
import { bindFields } from './graphql-fields.ts'
import { answered, formatted, MAX_ERRORS, refused } from './graphql-results.ts'
import { followed } from './graphql-streams.ts'

export interface GraphqlCalls {
  /** @param body Undefined for GET, which has the same members in its query. @throws Refused, Limited */
  answer(c: Context, caller: Caller, body: unknown): Promise<Response>
}

export function createGraphqlCalls(graph: Graph, { schema: sdl, documents }: GraphqlRecord): GraphqlCalls {
  const { platform, source, edges } = graph
  const schema = buildSchema(sdl, { assumeValid: true, assumeValidSDL: true })
  const isRecordedOnly = source.isRecordedOnly(platform)
  bindFields(schema, graph)
  const about = {
    schema,
    isEdge: (name: string): boolean => Object.hasOwn(edges, name),
    chargesOf: (name: string): number => graph.operations.get(name)?.operation.charges ?? 1,
  }

  return {
    async answer(c, caller, body) {
      const request = parsedRequest(body === undefined ? inQuery(c) : body)
      const document = parsed(textOf(request, documents, isRecordedOnly))
      const variables = request.variables ?? {}
      const operation = getOperationAST(document, request.operationName)
      if (!operation)
        throw new Refused('invalid-document', 'Name one of the operations of the document in operationName.')
      const { charges } = measured(document, operation, { ...about, variables })
      const faults = validate(schema, document, undefined, { maxErrors: MAX_ERRORS })
      if (faults.length > 0) return refused(c, 'invalid-document', faults)
      refuseIf(
        c.req.method === 'GET' && operation.operation !== OperationTypeNode.QUERY,
        'request-invalid',
        `GET reads alone: send the ${operation.operation} by POST.`,
      )
      const run: Run = { c, caller, loaders: new Map(), stale: [] }
      const args = {
        schema,
        document,
        contextValue: run,
        variableValues: variables,
        operationName: request.operationName ?? null,
        abortSignal: requestContext()?.signal ?? null,
        options: { maxCoercionErrors: MAX_ERRORS },
      }
      // Before any of it is done: a mutation that is refused halfway would have done a part.
      if (operation.operation === OperationTypeNode.MUTATION) await refuseMissingKeys(args)
      graph.chargeFurther(c, caller, charges - 1)
      if (operation.operation === OperationTypeNode.SUBSCRIPTION) return followed(c, graph, args)
      const result = await execute(args)
      if (result.data === undefined) return refused(c, 'invalid-variables', result.errors ?? [])
      return answered(c, formatted(result, graph, run))
    },
  }
}

/**
 * The header is the key of one command: one key for two would be a key that is used again. The library itself counts, so that
 * fragments, directives, variables and fields that are merged count as they will be executed.
 * @throws Refused
 */
async function refuseMissingKeys(args: ExecutionArgs & { readonly contextValue: Run }): Promise<void> {
  const counted = { commands: 0, withoutKey: 0 }
  await execute({ ...args, contextValue: { ...args.contextValue, counted } })
  const served = args.contextValue.c.req.header('idempotency-key') === undefined ? 0 : 1
  refuseIf(
    counted.commands > 1 && counted.withoutKey > served,
    'idempotency-key-missing',
    `Of ${counted.commands} commands ${counted.withoutKey} have no ${KEY_ARGUMENT}, and the header Idempotency-Key serves one: give each its own.`,
  )
}
