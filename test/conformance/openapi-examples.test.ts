/** The examples of the public API are sent as they stand to the gateway and all services, and each answer is judged by the served document. */

import { registerSchema, validate } from '@hyperjump/json-schema/draft-2020-12'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { openDoor } from '../support/door.ts'
import { createWorld } from '../support/simulation/world.ts'

interface Described {
  readonly operationId: string
  readonly security: readonly { readonly token: readonly string[] }[]
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>
}
type Schema = Readonly<Record<string, unknown>> & { readonly examples?: readonly object[] }
type Content = Readonly<Record<string, { readonly schema: Schema }>>
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}
type Operation = Described & { readonly method: string; readonly path: string }

let issuer: TestIssuer
beforeAll(async () => void (issuer = await openIssuer()))
afterAll(() => issuer.close())

/** The faults of an answer by the schema of its status in the document. */
async function faultsOf(
  document: Document,
  { operationId, responses }: Operation,
  status: number,
  body: unknown,
): Promise<unknown> {
  const content = Object.values(responses[String(status)]?.content ?? {})[0]
  if (!content) return body === undefined ? [] : ['a body that the document does not have']
  const uri = `https://document.test/${operationId}/${status}/${crypto.randomUUID()}`
  const text = JSON.stringify({ ...content.schema, components: document.components })
  registerSchema({ ...(JSON.parse(text) as object), $schema: 'https://json-schema.org/draft/2020-12/schema' }, uri)
  const result = await validate(uri, body as never, 'BASIC')
  return result.valid
    ? []
    : result.errors?.map(({ instanceLocation, absoluteKeywordLocation }) => [
        instanceLocation,
        absoluteKeywordLocation.replace(uri, ''),
      ])
}

it('each operation answers its example, and each read, as the document says', async () => {
  const world = await createWorld({ stock: 1_000, cards: ['card-ok'] })
  const door = await openDoor(world, issuer)
  const document = (await (await door.request('/openapi.json')).json()) as Document
  const operations = new Map(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, one]) => [one.operationId, { ...one, method: method.toUpperCase(), path }] as const,
      ),
    ),
  )
  /** Values that an example can not know, by the name of their parameter or field. */
  const known: Record<string, string> = {
    sku: 'TEA-001',
    kind: 'marketing-email',
    addressRef: world.addressRef,
    paymentMethodRef: world.paymentMethodOf('card-ok')!,
  }
  const outcomes: Record<string, string> = {}

  const roleOf = ({ security }: Operation): string | undefined => security[0]!.token[0]
  async function ask(operation: Operation, example?: object, role = roleOf(operation)) {
    const { method, path } = operation
    const token = await issuer.token(role === undefined ? {} : { sub: `${role}-1`, roles: [role] })
    const named = Object.fromEntries(
      Object.entries(example ?? {}).map(([name, value]) => [
        name,
        name.endsWith('Ref') && name !== 'customerRef' ? known[name] : (value as unknown),
      ]),
    )
    const response = await door.request(
      path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(known[name] ?? `no-${name}`)),
      {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          'idempotency-key': operation.operationId,
          ...(example ? { 'content-type': 'application/json' } : {}),
        },
        ...(example ? { body: JSON.stringify(named) } : {}),
      },
    )
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
      await response.body!.cancel()
      return { status: response.status, body: undefined }
    }
    const text = await response.text()
    return {
      status: response.status,
      body: text === '' ? undefined : (JSON.parse(text) as Readonly<Record<string, unknown>>),
    }
  }

  /** @param status The expected one. */
  async function answers(id: string, status: number): Promise<Readonly<Record<string, unknown>>> {
    const operation = operations.get(id)!
    const [example] = operation.requestBody?.content['application/json'].schema.examples ?? []
    const { status: answered, body } = await ask(operation, example)
    expect([id, answered, answered === status ? '' : body]).toEqual([id, status, ''])
    // Events of a stream are those of the timeline, which the order has.
    if (id !== 'followOrder') expect(await faultsOf(document, operation, answered, body), id).toEqual([])
    operations.delete(id)
    if (status !== 202) return body ?? {}
    await world.run()
    known['commandId'] = body!['commandId'] as string
    const command = await ask(commands, undefined, roleOf(operation))
    expect([command.status, await faultsOf(document, commands, 200, command.body)], id).toEqual([200, []])
    const { status: outcome, code } = command.body as { readonly status: string; readonly code?: string }
    // A client that waits gets the refusal as the answer: the document has its code.
    if (code !== undefined)
      expect(
        Object.values(operation.responses).flatMap(({ description }) => description.split(', ')),
        id,
      ).toContain(code)
    outcomes[id] = code ?? outcome
    return body!
  }
  const commands = operations.get('readCommand')!

  await answers('publishProduct', 202)
  await answers('changePrice', 202)
  known['deliveryId'] = String((await answers('receiveStock', 202))['deliveryId'])
  for (const id of ['adjustStock', 'countStock']) await answers(id, 202)
  for (const id of ['readStock', 'readDelivery', 'listProducts', 'readProduct', 'readProductV1']) await answers(id, 200)
  known['orderId'] = String((await answers('placeOrder', 201))['orderId'])
  await answers('cancelOrder', 202)
  known['orderId'] = (await world.place()).orderId
  await world.run()
  for (const id of ['readOrder', 'readSaga']) await answers(id, 200)
  for (const id of ['refundOrder', 'importOrder', 'retrySaga', 'closeOrder']) await answers(id, 202)
  // The order is complete.
  for (const id of ['readdressOrder', 'payOrder', 'recaptureOrder']) await answers(id, 409)
  for (const id of ['listOrders', 'listShipments', 'listAddresses', 'listPaymentMethods', 'followOrder'])
    await answers(id, 200)
  known['addressRef'] = String((await answers('addAddress', 201))['addressRef'])
  known['paymentMethodRef'] = String((await answers('addPaymentMethod', 201))['paymentMethodRef'])
  await answers('grantConsent', 201)
  await answers('listConsents', 200)
  for (const id of ['withdrawConsent', 'withdrawAddress', 'withdrawPaymentMethod']) await answers(id, 204)
  await answers('importCustomers', 200)
  known['endpointId'] = String((await answers('registerWebhook', 201))['endpointId'])
  for (const id of ['listWebhooks', 'rotateWebhookSecret', 'listWebhookDeliveries']) await answers(id, 200)
  // Nothing answers at the address of the example.
  for (const id of ['verifyWebhook', 'replayWebhooks']) await answers(id, 409)
  await answers('deleteWebhook', 204)
  const { retrySaga, closeOrder, ...others } = outcomes
  expect([retrySaga, closeOrder]).toEqual(['nothing-to-retry', 'not-closable'])
  expect([...new Set(Object.values(others))]).toEqual(['done'])
  // Their senders sign them; and the documents themselves.
  const signed = ['paymentWebhook', 'stripeWebhook', 'carrierWebhook']
  const documents = ['readDocument', 'readPage', 'readMessages', 'readMessagesPage']
  expect([...operations.keys()].toSorted()).toEqual([...signed, ...documents, 'readCommand'].toSorted())
})
