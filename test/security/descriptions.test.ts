/** The inside is described where people develop, and nowhere else. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { documentedGateway } from '../../functions/gateway/documented.testing.ts'
import { openGraph } from '../../functions/gateway/graphql.testing.ts'
import { openIssuer, type TestIssuer } from '../../functions/gateway/issuer.testing.ts'
import { business } from '../../functions/index.ts'
import { environments } from '../../stacks/environments.ts'
import { settingsOf } from '../../stacks/service-variables.ts'

let issuer: TestIssuer
beforeAll(async () => void (issuer = await openIssuer()))
afterAll(() => issuer.close())

it.each([
  ['dev', 200],
  ['staging', 404],
  ['prod', 404],
] as const)('in %s a request for the messages between the services is answered %d', async (name, expected) => {
  const { MESSAGE_DOCUMENTS } = settingsOf(environments[name], business)
  const http = documentedGateway({ MESSAGE_DOCUMENTS: MESSAGE_DOCUMENTS! })
  for (const path of ['/asyncapi.json', '/docs/messages']) expect((await http.request(path)).status).toBe(expected)
})

it.each([
  ['dev', 200],
  ['staging', 403],
  ['prod', 403],
] as const)('in %s introspection, as any document that is not recorded, is answered %d', async (name, expected) => {
  const { GRAPHQL_DOCUMENTS } = settingsOf(environments[name], business)
  const graph = openGraph(issuer, { documents: GRAPHQL_DOCUMENTS as 'any' | 'recorded' })
  for (const query of ['{ __schema { queryType { name } } }', '{ readOrder(orderId: "o-1") { orderId } }'])
    expect((await graph.post({ query })).status).toBe(expected)
})
