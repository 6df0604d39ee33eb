/** Terraform and Google's provider apply the local stacks to the local cloud by Google's APIs, and find no difference afterwards. */

import { readFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { business } from '../../functions/index.ts'
import { emulators } from '../../emulators/start.ts'
import { localEnvironment, localPorts } from '../../stacks/environments.ts'
import { root } from '../support/root.ts'
import { stacksOf } from './synthesized.testing.ts'
import { findTerraform, localResources, withoutEndpoint } from './terraform.testing.ts'

const environment = localEnvironment(localPorts(4100, business))
const stacks = stacksOf(environment)
const terraform = findTerraform(stacks[0]!)
afterAll(() => terraform.remove())

/** Of a stack whose resources have no local part, each for the reason in `unprovisioned`, there is nothing to apply. */
const applied = stacks.filter((stack) => localResources(stack) > 0)

it('every resource that is applied has an endpoint in the local cloud', () => {
  expect(withoutEndpoint(stacks)).toEqual([])
})

it('every stack is applied but that of objectives, alerts and dashboard', () => {
  expect(stacks.filter((stack) => !applied.includes(stack)).map(({ name }) => name)).toEqual(['local-observability'])
})

it('docs/deploy.md says how many stacks are applied', () => {
  expect(readFileSync(`${root}/docs/deploy.md`, 'utf8')).toContain(
    `\`terraform apply\` of the ${applied.length} local stacks`,
  )
})

describe.skipIf(terraform.missing)('terraform apply to the local cloud', () => {
  let cloud: LocalCloud
  let origin = ''
  /**
   * Stands between the provider and the local cloud. It adds the secret, with which a request may start programs as services.
   * Some of the provider's clients add a version that the custom endpoint has already, unless the endpoint is one of https.
   */
  const proxy = createServer((requested, answer) => {
    const headers = { ...requested.headers, host: cloud.ownerHost, 'x-local-cloud-secret': cloud.secret }
    const path = requested.url!.replace('/v1/v1/', '/v1/')
    const passed = request(`http://${cloud.ownerHost}${path}`, { method: requested.method, headers }, (response) => {
      answer.writeHead(response.statusCode!, response.headers)
      response.pipe(answer)
    })
    requested.pipe(passed)
  })
  beforeAll(async () => {
    const { projectId: id, projectNumber: number, region } = environment
    cloud = await createLocalCloud({
      plugins: emulators({ servicePort: () => 0, environmentOf: () => ({}), workingDirectory: root }),
      project: { id, number, region },
    })
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    origin = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    proxy.close()
    await cloud?.close()
  })

  // Services need the accounts of the platform and the topics of the bus: the order is that of a deployment.
  it.each(applied.map((stack) => [stack.name, stack] as const))(
    '%s is applied, and then planned without a difference',
    { timeout: 300_000 },
    async (_, stack) => {
      expect(await terraform.apply(stack, origin)).toBeUndefined()
    },
  )
})
