/**
 * The grants of the stacks, proved minimal: with all of them everything works, each is used, and without one of them
 * exactly the operations that need it fail. No service may do more than its description says.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Provisioned } from 'local-google-cloud'
import type { SecretManagerCore } from 'local-google-cloud/secret-manager'
import { announceIn } from '../../../cli/lock.testing.ts'
import { services } from '../../../functions/index.ts'
import { databaseName, deadLetterName, topicName } from '../../../shared/base/names.ts'
import { publishedBy } from '../../../shared/service/service.ts'
import { callersOf } from '../../../shared/service/callers.ts'
import { sendersOf } from '../../../stacks/service-variables.ts'
import { root } from '../../support/root.ts'
import { withEachGrant } from '../../support/grants.ts'
import { representatives, wholeLists } from '../../support/whole-lists.ts'
import { startGrantedCloud, type GrantedCloud } from './cloud.testing.ts'
import {
  call,
  enqueue,
  type Operation,
  operationsOf,
  publish,
  readDocument,
  writeDocument,
} from './operations.testing.ts'

/** Grants that no local operation uses, each with the reason. */
const unasked: readonly { readonly reason: string; readonly covers: (grant: Grant) => boolean }[] = [
  {
    reason: 'neither the quota of the Telemetry API nor the log of builds has a local part',
    covers: ({ role }) => /^(logging|serviceusage)\./.test(role),
  },
  {
    reason:
      'used at the identity platform, which is not part of this cloud: test/platform/forged/forged-tokens.testing.ts',
    covers: ({ role }) => role === 'firebaseauth.viewer',
  },
  {
    reason: 'people call on the port of the owner, which has all permissions',
    covers: ({ account }) => !/^(allUsers|[a-z-]+)$/.test(account),
  },
]

interface Grant {
  readonly account: string
  readonly role: string
  readonly on: string
  readonly made: Provisioned
}

const PERMISSION_DENIED = 7
/** So many grants are removed at once; no operation needs two of them. */
const GRANTS_PER_ROUND = 16
const CONCURRENCY = 12

let cloud: GrantedCloud
let operations: readonly Operation[]
let grants: readonly Grant[]

beforeAll(async () => {
  cloud = await startGrantedCloud()
  operations = operationsOf(cloud)
  grants = withEachGrant(cloud.platform.provisioned)
    .filter(({ resource }) => resource.type.endsWith('_iam_member'))
    .map(grantOf)
    .filter((grant) => !unasked.some(({ covers }) => covers(grant)))
}, 240_000)
afterAll(() => cloud?.close(), 60_000)

function grantOf(made: Provisioned): Grant {
  const { attributes } = made.resource
  const member = String(attributes['member'])
  const account = /^serviceAccount:([^@]+)@gcp-sa-pubsub/.test(member)
    ? 'pubsub-agent'
    : (/^serviceAccount:([^@]+)@/.exec(member)?.[1] ?? member)
  const condition = [attributes['condition']].flat()[0] as { expression: string } | undefined
  const on = condition
    ? /databases\/([^"]+)"/.exec(condition.expression)![1]!
    : attributes['table_id']
      ? `${attributes['dataset_id']}.${attributes['table_id']}`
      : String(
          attributes['topic'] ??
            attributes['subscription'] ??
            attributes['service_account_id'] ??
            attributes['secret_id'] ??
            attributes['name'] ??
            attributes['project'],
        )
  const short = on.split('/').at(-1)!.split('@')[0]!
  return { account, role: String(attributes['role']).replace('roles/', ''), on: short, made }
}

const textOf = ({ account, role, on }: Grant): string => `${account} ${role} ${on}`

/** Names of the operations that were denied; runs several at a time, one kind after the other. */
async function failing(some: readonly Operation[]): Promise<string[]> {
  const failed: string[] = []
  const kinds = new Set(some.map(({ kind }) => kind))
  for (const kind of kinds) {
    const queue = some.filter((operation) => operation.kind === kind)
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const { name } = next
        await next.run().catch(() => failed.push(name))
      }
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, work))
  }
  return failed.toSorted()
}

const needing = (some: readonly Grant[]): Operation[] =>
  operations.filter(({ needs }) => some.some((grant) => needs.includes(textOf(grant))))

describe('the grants of the stacks', () => {
  it('are exactly those that the operations need', () => {
    const needed = new Set(operations.flatMap(({ needs }) => needs))
    expect(grants.map(textOf).toSorted()).toEqual([...needed].toSorted())
  })

  it('allow all operations, and each grant is used', async () => {
    expect(await failing(operations)).toEqual([])
    const used = new Set(
      cloud.iam
        .usedGrants()
        .map(({ email, role, resource, condition }) => JSON.stringify([email, role, resource, condition?.expression])),
    )
    // A grant to allUsers is not used where the account has its own.
    const expected = grants.filter(({ account }) => account !== 'allUsers')
    expect(used.size).toBe(expected.length)
  }, 300_000)

  it('are each necessary: without one, exactly the operations that need it fail', async () => {
    for (const round of rounds(chosen())) {
      const without = needing(round)
      for (const { made } of round) await made.provisioner.remove(made.resource, cloud.platform.api)
      // One other operation of each kind as a witness; the first test covers the rest.
      const witnesses = [
        ...new Map(operations.filter((one) => !without.includes(one)).map((one) => [one.kind, one])).values(),
      ]
      const failed = await failing([...without, ...witnesses])
      expect(failed, round.map(textOf).join(', ')).toEqual(without.map(({ name }) => name).toSorted())
      for (const { made } of round) await made.provisioner.create(made.resource, cloud.platform.api)
      expect(await failing(without), `with ${round.map(textOf).join(', ')} again`).toEqual([])
    }
  }, 600_000)
})

/** One grant for each role on each type of resource; all grants in `npm run verify`. */
const chosen = (): readonly Grant[] =>
  wholeLists
    ? grants
    : [...new Map(grants.map((grant) => [`${grant.role} ${grant.made.resource.type}`, grant])).values()]

/** Partitions the grants into sets of which no operation needs two. */
function rounds(some: readonly Grant[]): Grant[][] {
  const made: { readonly grants: Grant[]; readonly touched: Set<string> }[] = []
  for (const grant of some) {
    const touched = needing([grant]).map(({ name }) => name)
    const round = made.find(
      (one) => one.grants.length < GRANTS_PER_ROUND && !touched.some((name) => one.touched.has(name)),
    )
    if (round) {
      round.grants.push(grant)
      for (const name of touched) round.touched.add(name)
    } else made.push({ grants: [grant], touched: new Set(touched) })
  }
  return made.map((one) => one.grants)
}

describe('npm run grants', { timeout: 60_000 }, () => {
  /** The command itself, as if this cloud ran in the working copy. */
  const compared = async (): Promise<{ code: number; differences: unknown[] }> => {
    const data = mkdtempSync(join(tmpdir(), 'millrace-grants-'))
    onTestFinished(() => rmSync(data, { recursive: true }))
    const { ownerHost: apiHost, secret } = cloud.platform.cloud
    onTestFinished(announceIn(data, { apiHost, secret }))
    const child = spawn(process.execPath, ['cli/grants.ts', '--json'], {
      cwd: root,
      env: { ...process.env, MILLRACE_DATA: data },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
    return { code: code as number, differences: JSON.parse(output) as unknown[] }
  }

  it('finds nothing in what the stacks provisioned', async () => {
    expect(await compared()).toEqual({ code: 0, differences: [] })
  })

  it('lists members that were added by hand, in each kind of policy', async () => {
    const { projectId, region } = cloud
    const { api } = cloud.platform
    const onService = [
      `/v2/projects/${projectId}/locations/${region}/services/orders`,
      'GET',
      'roles/run.invoker',
      'allUsers',
    ] as const
    const added = [
      onService,
      [`/v1/projects/${projectId}/topics/order.placed`, 'GET', 'roles/pubsub.editor', 'user:eve@example.com'],
      [`/v1/projects/${projectId}`, 'POST', 'roles/datastore.user', `serviceAccount:${cloud.email('history')}`],
    ] as const
    for (const [path, method, role, member] of added) {
      const policy = (await api(method, `${path}:getIamPolicy`, method === 'GET' ? undefined : {})) as {
        bindings?: object[]
      }
      const write = (bindings: readonly object[]) => api('POST', `${path}:setIamPolicy`, { policy: { bindings } })
      await write([...(policy.bindings ?? []), { role, members: [member] }])
      onTestFinished(() => write(policy.bindings ?? []) as Promise<void>)
    }
    const dataset = `/bigquery/v2/projects/${projectId}/datasets/analytics`
    const role = { role: 'roles/bigquery.dataViewer', members: ['user:eve@example.com'] }
    await api('POST', `${dataset}:setIamPolicy`, { policy: { bindings: [role] } })
    onTestFinished(() => api('POST', `${dataset}:setIamPolicy`, { policy: { bindings: [] } }) as Promise<void>)
    await api('PATCH', dataset, { access: [{ view: { projectId, datasetId: 'elsewhere', tableId: 'v' } }] })
    onTestFinished(() => api('PATCH', dataset, { access: [] }) as Promise<void>)
    const { code, differences } = await compared()
    expect(code).toBe(1)
    const onDataset = `/v2/projects/${projectId}/datasets/analytics`
    const onView = `projects/${projectId}/datasets/elsewhere/tables/v`
    const expected = [
      ...added,
      [onDataset, '', role.role, role.members[0]],
      [onDataset, '', 'authorized view', onView],
    ].map(([path, , granted, member]) => ({
      difference: 'added',
      resource: path!.replace(/^\/v\d\//, ''),
      role: granted,
      member,
      condition: '',
    }))
    expect(differences).toHaveLength(expected.length)
    expect(differences).toEqual(expect.arrayContaining(expected))
  })
})

/** The public service, one with money, and one that workers pull for; each service in `npm run verify`. */
const denials = representatives(services, ['gateway', 'payments', 'history'], ({ name }) => name)

describe('without a grant', { timeout: 120_000 }, () => {
  const denied = { code: PERMISSION_DENIED }

  it.each(denials.map(({ name }) => name))('%s can not read or write the database of another service', async (name) => {
    for (const other of services.filter((one) => one.name !== name && Object.keys(one.collections).length > 0)) {
      const database = `projects/${cloud.projectId}/databases/${databaseName(other.name)}`
      await expect(readDocument(cloud, name, database)).rejects.toMatchObject(denied)
      await expect(writeDocument(cloud, name, database)).rejects.toMatchObject(denied)
    }
  })

  it.each(denials.map((service) => [service.name, service] as const))(
    '%s can not publish an event of another service',
    async (name, service) => {
      const own = new Set<string>([...publishedBy(service).map(topicName), deadLetterName(name)])
      const topics = cloud.resources
        .filter(({ type }) => type === 'google_pubsub_topic')
        .map(({ attributes }) => String(attributes['name']))
      for (const topic of topics.filter((one) => !own.has(one)))
        await expect(publish(cloud, name, topic)).rejects.toMatchObject(denied)
    },
  )

  it.each(denials.map(({ name }) => name))(
    '%s can not send commands that it does not declare, nor with the account of another',
    async (name) => {
      const queues = cloud.resources.filter(({ type }) => type === 'google_cloud_tasks_queue')
      for (const { attributes } of queues) {
        const receiver = services.find((one) => one.name === attributes['name'])!
        if (!sendersOf(receiver, services).includes(name))
          await expect(enqueue(cloud, name, receiver.name, name)).rejects.toMatchObject(denied)
        for (const account of [receiver.name, `${receiver.name}-push`, 'operations'].filter((one) => one !== name))
          await expect(enqueue(cloud, name, receiver.name, account)).rejects.toMatchObject(denied)
      }
    },
  )

  it.each(denials.map((service) => [service.name, service] as const))(
    '%s can not read a secret that it does not name',
    (name, { secrets }) => {
      const { access } = cloud.platform.cloud.core<SecretManagerCore>('secret-manager')
      const known = cloud.resources.filter(({ type }) => type === 'google_secret_manager_secret')
      expect(known).not.toEqual([])
      for (const { attributes } of known.filter((one) => !Object.hasOwn(secrets, String(one.attributes['secret_id']))))
        expect(() =>
          access(
            cloud.email(name),
            `projects/${cloud.projectId}/secrets/${String(attributes['secret_id'])}/versions/latest`,
          ),
        ).toThrow("Permission 'secretmanager.versions.access' denied")
    },
  )

  it.each(denials.map(({ name }) => name))(
    '%s can not call a service that it does not send or submit to, or query',
    async (name) => {
      for (const other of services) {
        const callers = [...sendersOf(other, services), ...callersOf(other, services)]
        if (other.ingress !== 'public' && !callers.includes(name))
          await expect(call(cloud, other.name, name)).rejects.toThrow('403')
      }
    },
  )
})
