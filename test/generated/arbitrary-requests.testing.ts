/** Arbitrary requests of every kind that a service accepts, made from its contracts. */

import * as fc from 'fast-check'
import type { Hono } from 'hono'
import type { References } from '../../functions/shop/cli/references.ts'
import { services } from '../../functions/index.ts'
import { app as gatewayApp } from '../../functions/gateway/app.ts'
import type { Operation } from '../../shared/service/operation.ts'
import { envelopeSchema } from '../../shared/contracts/envelope.ts'
import { commandPath, eventPath, republishCommand } from '../../shared/base/names.ts'
import { republishContract } from '../../shared/messaging/republish.ts'
import { contractsOf } from '../../shared/service/service.ts'
import { idToken } from '../../shared/base/config.testing.ts'
import { startOfTests } from '../../shared/runtime/platform.testing.ts'
import { breaking, keeping } from '../support/by-schema.ts'

export interface TestRequest {
  readonly service: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

const mostly = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

const segment = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('o-1', 'TEA-001', 'BANK%20CHARGES', 'd-1') },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }).map(encoded) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '%E0%A4%A',
      '%',
      '%00',
      '..%2F..',
      '%2E%2E',
      'a%2Fb',
      '__proto__',
      'constructor',
      'x'.repeat(1_600),
      '*',
      ':orderId',
      'a;b=c',
    ),
  },
)
/** A lone surrogate has no encoding. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}
const filled = (path: string): fc.Arbitrary<string> => {
  const names = [...path.matchAll(/\{\w+\}|:\w+/g)].map(([name]) => name)
  return fc
    .tuple(...names.map(() => segment))
    .map((values) => names.reduce((made, name, at) => made.replace(name, () => values[at]!), path))
}

const bodyOf = (value: fc.Arbitrary<unknown>): fc.Arbitrary<string | Uint8Array> =>
  fc.oneof(
    { weight: 6, arbitrary: value.map((one) => JSON.stringify(one) ?? '') },
    { weight: 3, arbitrary: breaking(value).map((one) => JSON.stringify(one) ?? '') },
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.constantFrom('', '{', '[[[[', '"', '\uFEFF{}', '{"a":1,"a":2}'),
      ),
    },
  )

const traces = mostly(
  `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  '',
  'hello',
  `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`,
  'a, b',
  'x'.repeat(3_000),
)
const common = fc.record(
  {
    'content-type': mostly(
      'application/json',
      'text/plain',
      'application/json; charset=latin1',
      '',
      'application/json, application/json',
    ),
    traceparent: traces,
    'x-forwarded-for': fc.constantFrom('203.0.113.7', '1.1.1.1, 2.2.2.2', '::1', ',,,', 'x'.repeat(2_000)),
    'x-deadline-ms': fc.constantFrom('20000', '99999999', '-1', 'soon', '1, 2'),
    'content-encoding': mostly('identity', 'gzip'),
  },
  { requiredKeys: ['content-type'] },
)

/** Random orders seldom name a product in its currency without fields of importers, so some are built. */
const likelyOrder = (own: References) =>
  fc
    .record({
      currency: fc.constant('EUR'),
      lines: fc.array(
        fc.record({ sku: fc.constantFrom('TEA-001', 'BANK CHARGES'), quantity: fc.integer({ min: 1, max: 100_000 }) }),
        {
          minLength: 1,
          maxLength: 5,
        },
      ),
    })
    .map((order) => ({ ...order, ...own }))
const publicBody = ({ body, path }: Operation, own: References): fc.Arbitrary<string | Uint8Array> => {
  const byContract = bodyOf(body ? keeping(body) : fc.jsonValue())
  if (path === '/v1/orders') return fc.oneof(byContract, bodyOf(likelyOrder(own)))
  // Random bodies seldom name a product that is sold, a country, or a host of the internet.
  const { examples = [] } = (body?.meta() ?? {}) as { readonly examples?: readonly object[] }
  return examples.length > 0 ? fc.oneof(byContract, bodyOf(fc.constantFrom(...examples))) : byContract
}

const rolesFor = ({ access }: Operation): string[] => (access === 'importer' ? Array<string>(5).fill('importer') : [])

/**
 * Requests of clients, to every operation of the gateway; `Bearer ROLE` stands for a token of that role.
 * @param own the references that the customer may name in an order.
 */
export const publicRequests = (own: References) =>
  fc.oneof(
    ...Object.values(gatewayApp.publicApi!.operations).map((operation) =>
      fc
        .record({
          path: filled(operation.path),
          query: mostly('', '?', '?access_token=x', '?orderId=%00', `?${'a=b&'.repeat(300)}`),
          headers: common,
          // The bodies of importers are large, and seldom good.
          role: fc.constantFrom(...rolesFor(operation), 'admin', 'support', 'importer', 'customer', 'customer', 'none'),
          key: mostly('key-1', 'key-2', '', 'two words', 'x'.repeat(300)),
          body: publicBody(operation, own),
        })
        .map(({ path, query, headers, role, key, body }) => ({
          operation,
          request: {
            service: 'gateway',
            method: operation.method.toUpperCase(),
            path: `${path}${query}`,
            headers: {
              ...headers,
              ...(role === 'none' ? {} : { authorization: `Bearer ${role}` }),
              'idempotency-key': key,
            },
            ...(operation.method === 'get' ? {} : { body }),
          } satisfies TestRequest,
        })),
    ),
  )

const envelopeOf = (type: string, data: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .record({
      envelope: keeping(envelopeSchema),
      data,
      version: mostly(1, 2, 99),
      sequence: fc.constantFrom(0, 1, 2, 7),
      traceparent: fc.constant(`00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`),
    })
    .map(({ envelope, ...rest }) => ({ ...(envelope as object), ...rest, type }))

const attempts = mostly('0', '4', '19', '20', '-1', 'many', '1e9')
const deliveryHeaders = (service: string, usual: string) =>
  fc.record({
    authorization: mostly(
      idToken(service, usual),
      idToken(service, 'operations'),
      idToken(service, 'stranger'),
      idToken('other', usual),
      'Bearer x',
      '',
    ),
    'content-type': mostly('application/json', ''),
    'x-cloudtasks-taskretrycount': attempts,
    'x-operator': mostly('jo', '%E0%A4%A', 'x'.repeat(3_000)),
  })

/** Deliveries of Pub/Sub. */
export const pushes = fc.oneof(
  ...services.flatMap((service) =>
    service.on.map((type) => {
      const contract = contractsOf(service)
        .map(({ events }) => events[type])
        .find(Boolean)!
      const message = bodyOf(envelopeOf(type, keeping(contract.data))).map((data) =>
        Buffer.from(data).toString('base64'),
      )
      const push = message.map((data) => ({
        message: { data, attributes: { type }, messageId: 'm-1', publishTime: startOfTests },
        subscription: 'projects/test-project/subscriptions/s',
      }))
      return fc.record({
        service: fc.constant(service.name),
        method: fc.constant('POST'),
        path: fc.constant(eventPath(type)),
        headers: deliveryHeaders(service.name, `${service.name}-push`),
        body: fc.oneof(
          { weight: 4, arbitrary: push.map((one) => JSON.stringify(one)) },
          { weight: 1, arbitrary: bodyOf(push) },
        ),
      })
    }),
  ),
)

/** Deliveries of Cloud Tasks. */
export const tasks = fc.oneof(
  ...services
    .filter(({ runtime, ingress }) => runtime === 'http' && ingress === 'internal')
    .flatMap((service) =>
      [...service.accepts, republishCommand, 'ShredOrder'].map((type) => {
        const schema = service.contracts.commands[type]?.data ?? republishContract.data
        return fc.record({
          service: fc.constant(service.name),
          method: fc.constant('POST'),
          path: fc.oneof(
            { weight: 6, arbitrary: fc.constant(commandPath(type)) },
            { weight: 1, arbitrary: segment.map((one) => `/commands/${one}`) },
          ),
          headers: deliveryHeaders(service.name, 'sender'),
          body: bodyOf(envelopeOf(type, keeping(schema))),
        })
      }),
    ),
)

/** Queries of the services' own paths, as the gateway sends them. */
export const queries = (apps: ReadonlyMap<string, Hono>) =>
  fc.constantFrom('catalog', 'orders', 'inventory', 'payments', 'shipping', 'history').chain((service) => {
    const routes = apps
      .get(service)!
      .routes.filter(({ method, path }) => method !== 'ALL' && !/^\/(commands|events|health)\//.test(path))
    return fc.constantFrom(...routes, { method: 'GET', path: '/:nothing' }).chain(({ method, path }) =>
      fc.record({
        service: fc.constant(service),
        method: fc.constant(method),
        path: filled(path),
        headers: deliveryHeaders(service, 'gateway'),
        ...(method === 'POST' ? { body: bodyOf(fc.jsonValue()) } : {}),
      }),
    )
  })
