/** The OpenAPI 3.1 document of the public API, from its operations and their contracts. */

import { z } from 'zod'
import { type Code, declarationOf, type DeclaredCode } from '../../shared/base/errors.ts'
import { idempotencyKey as keySchema } from '../../shared/base/fields.ts'
import { shopCodes } from '../shop/errors.ts'
import { type Operation, operations, problemsOf } from './operations.ts'
import { isForCallers, requiredRoles } from './roles.ts'

type Json = Readonly<Record<string, unknown>>

/** Zod's own, without the dialect: OpenAPI 3.1 names it once for the whole document. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { target: 'draft-2020-12', io })
  return json
}

const problem = z.object({
  type: z.string().startsWith('urn:millrace:problem:'),
  title: z.string(),
  status: z.int(),
  /** Stable: programs decide by it. */
  code: z.string(),
  detail: z.string(),
  instance: z.string(),
  /** The customer's bound that was exceeded; `limit` and `used` belong to it. */
  bound: z.enum(['orders-per-hour', 'unpaid-orders', 'unpaid-pieces', 'lapsed-orders']).optional(),
  limit: z.int().optional(),
  used: z.int().optional(),
})

export function openApiDocument(): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const [operationId, operation] of Object.entries<Operation>(operations))
    (paths[operation.path] ??= {})[operation.method] = describe(operationId, operation)
  return {
    openapi: '3.1.1',
    info: {
      title: 'Millrace',
      version: '1',
      description:
        'Orders, products and stock. Problems are RFC 9457 documents with a stable code; a request that is refused with Retry-After may be retried.',
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Problem: schemaOf(problem, 'output') },
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      headers: {
        'Retry-After': { description: 'Seconds after which to retry.', schema: { type: 'integer', minimum: 0 } },
        RateLimit: {
          description: 'The remaining requests, and the time until the limit is reset.',
          schema: { type: 'string' },
        },
      },
    },
  }
}

const rolesDescription = (access: Operation['access']): string | undefined =>
  isForCallers(access) && requiredRoles[access].length > 0
    ? `Takes the role ${requiredRoles[access].join(' or ')}.`
    : undefined

function describe(operationId: string, operation: Operation): Json {
  const { summary, access, requiresIdempotencyKey, body, answers } = operation
  const description = rolesDescription(access)
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    security: isForCallers(access) ? [{ token: [] }] : [],
    parameters: [...parametersInPath(operation), ...(requiresIdempotencyKey ? [idempotencyKey] : [])],
    ...(body
      ? { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } } }
      : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, [meaning, schema]]) => [
          status,
          {
            description: meaning,
            headers: { RateLimit: { $ref: '#/components/headers/RateLimit' } },
            ...(schema ? { content: { 'application/json': { schema: schemaOf(schema, 'output') } } } : {}),
          },
        ]),
      ),
      ...problemResponses(problemsOf(operation)),
    },
  }
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: true,
  description: 'The same key with the same body has the same answer.',
  schema: schemaOf(keySchema, 'input'),
}

const parametersInPath = ({ parameters = {} }: Operation): Json[] =>
  Object.entries(parameters).map(([name, schema]) => ({
    name,
    in: 'path',
    required: true,
    schema: schemaOf(schema, 'input'),
  }))

function problemResponses(codes: readonly DeclaredCode[]): Json {
  const byStatus = Map.groupBy(codes, ({ status }) => status)
  const responses = [...byStatus].map(([status, some]) => {
    const names = some.map(({ name }) => name)
    return [
      status,
      {
        description: names.join(', '),
        ...(some.some(isForLater) ? { headers: { 'Retry-After': { $ref: '#/components/headers/Retry-After' } } } : {}),
        content: {
          'application/problem+json': {
            schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: names } } }] },
          },
        },
      },
    ]
  })
  return Object.fromEntries(responses) as Json
}

const forLater: readonly Code[] = [
  'rate-limited',
  'overloaded',
  'unavailable',
  shopCodes['too-many-orders'],
  shopCodes['too-many-unpaid-orders'],
]
const isForLater = (code: DeclaredCode): boolean => forLater.map(declarationOf).includes(code)
