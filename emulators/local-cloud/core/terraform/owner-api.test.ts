import { afterEach, expect, it, onTestFinished, vi } from 'vitest'
import { secretManager } from '../example/secret-manager.testing.ts'
import { iam } from '../../iam/plugin.ts'
import { createLocalCloud, type LocalCloud } from '../local-cloud.ts'
import { SECRET_HEADER } from '../run-secret.ts'

const project = { id: 'shop', number: '100000000000', region: 'europe-west1' }
const secrets = '/v1/projects/shop/secrets'

afterEach(() => vi.restoreAllMocks())

async function start(): Promise<LocalCloud> {
  const cloud = await createLocalCloud({ plugins: [iam, secretManager], project })
  onTestFinished(() => cloud.close())
  return cloud
}

/** The answer of the owner's port to a program, or the code of its refusal. */
async function overPort(cloud: LocalCloud, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`http://${cloud.ownerHost}${path}`, {
    method,
    headers: { 'content-type': 'application/json', [SECRET_HEADER]: cloud.secret },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const answer = (await response.json()) as { readonly error?: { readonly status: string } }
  return response.ok ? answer : `${response.status} ${answer.error!.status}`
}

const inProcess = async (cloud: LocalCloud, method: string, path: string, body?: object): Promise<unknown> => {
  try {
    return await cloud.api(method, path, body)
  } catch (error) {
    const { httpStatus, code } = error as { readonly httpStatus: number; readonly code: string }
    return `${httpStatus} ${code}`
  }
}

it.each<[string, string, object?]>([
  ['POST', `${secrets}?secretId=card-key`, { labels: { of: 'ünï' } }],
  ['POST', `${secrets}?secretId=first`, {}],
  ['GET', `${secrets}/first`],
  ['GET', `${secrets}/absent`],
  ['POST', `${secrets}?secretId=first`, { labels: 7 }],
  ['GET', '/_local/counters'],
  ['GET', '/v9/nothing'],
])('%s %s is answered as over the port, without a connection', async (method, path, body) => {
  const [one, other] = [await start(), await start()]
  for (const cloud of [one, other]) await cloud.api('POST', `${secrets}?secretId=first`, {})
  const expected = await overPort(one, method, path, body)
  const connected = vi.spyOn(globalThis, 'fetch')
  expect(await inProcess(other, method, path, body)).toEqual(expected)
  expect(connected).not.toHaveBeenCalled()
})

it('a loop of calls leaves turns to timers', async () => {
  const cloud = await start()
  let isDue = false
  setTimeout(() => (isDue = true), 1)
  for (let calls = 0; calls < 10_000 && !isDue; calls++) await cloud.api('GET', '/_local/counters')
  expect(isDue).toBe(true)
})
