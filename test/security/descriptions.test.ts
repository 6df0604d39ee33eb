/** The inside is described where people develop, and nowhere else. */

import { expect, it } from 'vitest'
import { documentedGateway } from '../../functions/gateway/documented.testing.ts'
import { business } from '../../functions/index.ts'
import { environments } from '../../stacks/environments.ts'
import { settingsOf } from '../../stacks/service-variables.ts'

it.each([
  ['dev', 200],
  ['staging', 404],
  ['prod', 404],
] as const)('in %s a request for the messages between the services is answered %d', async (name, expected) => {
  const { MESSAGE_DOCUMENTS } = settingsOf(environments[name], business)
  const http = documentedGateway({ MESSAGE_DOCUMENTS: MESSAGE_DOCUMENTS! })
  for (const path of ['/asyncapi.json', '/docs/messages']) expect((await http.request(path)).status).toBe(expected)
})
