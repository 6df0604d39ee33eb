/** An emulator of the local cloud: a plugin with one kind of resource, its test and README, and its line in emulators/start.ts. */

import { UsageError } from '../command.ts'
import { identifiersIn, inFunction, isIdentifier, withImport, withItem } from './edit.ts'
import { edited, type Generated, type Read, refuseExisting } from './generated.ts'
import { camelCase, checkEmulatorName } from './names.ts'

const start = 'emulators/start.ts'

export interface NewEmulator {
  readonly name: string
  /** The kind of resource that it keeps, in the singular: `parameter`. */
  readonly resource: string | undefined
}

/** @throws UsageError */
export function makeEmulator({ name, resource }: NewEmulator, read: Read): Generated {
  checkEmulatorName(name)
  if (resource === undefined || !/^[a-z]{3,30}$/.test(resource))
    throw new UsageError(
      `${resource === undefined ? '--resource is missing' : `"${resource}" can't name a kind of resource`}. --resource takes the singular in 3 to 30 lower-case letters, as in --resource parameter.`,
    )
  checkResource(name, resource)
  const folder = `emulators/local-cloud/${name}`
  // File names in that folder are exports of the package.
  refuseExisting(read, [`${folder}/plugin.ts`, `${folder}.ts`])
  return {
    files: {
      [`${folder}/plugin.ts`]: plugin(name, resource),
      [`${folder}/${name}.test.ts`]: test(name, resource),
      [`${folder}/README.md`]: readme(name, resource),
      [start]: edited(
        read,
        start,
        (text) => withItem(text, inFunction('emulators'), camelCase(name)),
        (text) => withImport(text, camelCase(name), `local-google-cloud/${name}`),
      ),
    },
    nextSteps: [
      `Check the paths, permissions and roles in ${folder}/plugin.ts against Google's reference, and add the methods that your client calls.`,
      `Declare ${terraformType(name, resource)} in a stack: npm start provisions it.`,
      `In "environment" of the plugin, set the variable that directs Google's client to an emulator (emulators/local-cloud/core/README.md).`,
      `Run npm test -- ${folder}, then npm run check.`,
    ],
  }
}

/** @throws UsageError for a resource whose name, plural or type has another meaning in the generated files. */
function checkResource(name: string, resource: string): void {
  const other = resource === 'thing' ? 'object' : 'thing'
  const used = new Set([plugin(name, other), test(name, other)].flatMap((text) => [...identifiersIn(text)]))
  const taken = [resource, `${resource}s`, capital(resource)].find((word) => used.has(word) || !isIdentifier(word))
  if (taken !== undefined)
    throw new UsageError(
      `"${resource}" can't name a kind of resource: "${taken}" has another meaning in the generated files. Take another word, as in --resource ${resource}item.`,
    )
}

const terraformType = (name: string, resource: string): string => `google_${name.replaceAll('-', '_')}_${resource}`
const apiOf = (name: string): string => name.replaceAll('-', '')
const capital = (word: string): string => word.replace(/^./, (first) => first.toUpperCase())
const titleOf = (name: string): string => name.split('-').map(capital).join(' ')

function plugin(name: string, resource: string): string {
  const api = apiOf(name)
  const kinds = `${resource}s`
  const Kind = capital(resource)
  return `/** ${titleOf(name)} for the local cloud: its API for ${kinds}, the permissions that each call needs, and their Terraform types. */

import { Hono } from 'hono'
import type { PolicyKind } from '../core/iam-facts.ts'
import type { Plugin } from '../core/plugin.ts'
import type { Http } from '../core/service.ts'
import { alreadyExists, notFound } from '../core/status.ts'
import { attributesOf, type Attributes, readAttributes } from '../core/terraform/attributes.ts'
import { policyGrants } from '../core/terraform/policy-grants.ts'
import type { Provisioner } from '../core/terraform/provisioner.ts'
import { upsert } from '../core/terraform/upsert.ts'

interface ${Kind} {
  readonly labels?: unknown
}

const policy: PolicyKind = {
  name: 'projects/{project}/${kinds}/{${resource}}',
  permissions: '${api}.${kinds}',
  prefixes: ['/v1'],
  read: 'GET',
}

const nameIn = (attributes: Attributes): string =>
  \`projects/\${attributes.project()}/${kinds}/\${attributes.shortName('${resource}_id')}\`

const provisioner: Provisioner = {
  async create(resource, api) {
    const { project, id, name, labels } = readAttributes(resource, (attributes) => ({
      project: attributes.project(),
      id: attributes.required('${resource}_id'),
      name: nameIn(attributes),
      labels: attributes.value('labels'),
    }))
    await upsert(
      () => api('POST', \`/v1/projects/\${project}/${kinds}?${resource}Id=\${id}\`, { labels }),
      () => api('PATCH', \`/v1/\${name}?updateMask=labels\`, { labels }),
    )
  },
  async remove(resource, api) {
    await api('DELETE', \`/v1/\${nameIn(attributesOf(resource))}\`)
  },
  computed: (attributes) => ({ id: nameIn(attributes), name: nameIn(attributes) }),
}

export const ${camelCase(name)}: Plugin = {
  name: '${name}',
  create({ journal }) {
    const ${kinds} = journal.table<${Kind}>('${name}/${kinds}')
    const existing = (path: string): readonly [name: string, ${resource}: ${Kind}] => {
      const name = path.replace(/^\\/v1\\//, '')
      const found = ${kinds}.get(name)
      if (!found) throw notFound(\`${Kind} [\${name}] not found.\`)
      return [name, found]
    }
    const http: Http = new Hono()
    http.post('/v1/projects/:project/${kinds}', async (c) => {
      const name = \`projects/\${c.req.param('project')}/${kinds}/\${c.req.query('${resource}Id')}\`
      if (${kinds}.has(name)) throw alreadyExists(\`${Kind} [\${name}] already exists.\`)
      ${kinds}.set(name, await c.req.json<${Kind}>())
      return c.json({ name })
    })
    http.get('/v1/projects/:project/${kinds}/:${resource}', (c) => {
      const [name, found] = existing(c.req.path)
      return c.json({ name, ...found })
    })
    http.patch('/v1/projects/:project/${kinds}/:${resource}', async (c) => {
      const [name] = existing(c.req.path)
      ${kinds}.set(name, await c.req.json<${Kind}>())
      return c.json({ name })
    })
    http.delete('/v1/projects/:project/${kinds}/:${resource}', (c) => {
      ${kinds}.delete(existing(c.req.path)[0])
      return c.json({})
    })
    return {
      core: {},
      http,
      // A route that is not listed is the owner's alone.
      routes: [
        {
          method: 'GET',
          path: /^\\/v1\\/(?<name>projects\\/[^/]+\\/${kinds}\\/[^/:]+)$/,
          needs: ({ name = '' }) => [{ permission: '${api}.${kinds}.get', resource: name }],
        },
      ],
      resourceExists: (name) => (/^projects\\/[^/]+\\/${kinds}\\/[^/]+$/.test(name) ? ${kinds}.has(name) : undefined),
    }
  },
  terraform: {
    ${terraformType(name, resource)}: provisioner,
    ...policyGrants('${terraformType(name, resource)}', policy, nameIn),
  },
  iam: { policies: [policy], roles: { 'roles/${api}.viewer': ['${api}.${kinds}.get'] } },
}
`
}

function test(name: string, resource: string): string {
  const type = terraformType(name, resource)
  return `import { expect, it, onTestFinished } from 'vitest'
import { createLocalCloud, type LocalCloud } from '../core/local-cloud.ts'
import { plan, provision } from '../core/terraform/provision.ts'
import { readResources, type StackJson } from '../core/terraform/read-resources.ts'
import { iam } from '../iam/plugin.ts'
import { ${camelCase(name)} } from './plugin.ts'

const plugins = [iam, ${camelCase(name)}]
const project = { id: 'demo', number: '100000000000', region: 'europe-west1' }
const emailOf = (id: string): string => \`\${id}@demo.iam.gserviceaccount.com\`
const stack: StackJson = {
  name: 'local-demo',
  json: {
    provider: { google: [{ project: project.id }] },
    resource: {
      google_service_account: { reader: { account_id: 'reader' }, other: { account_id: 'other-1' } },
      ${type}: { one: { ${resource}_id: 'first', labels: { of: 'demo' } } },
      ${type}_iam_member: {
        reads: {
          ${resource}_id: '\${${type}.one.id}',
          role: 'roles/${apiOf(name)}.viewer',
          member: '\${google_service_account.reader.member}',
        },
      },
    },
  },
}

const read = (cloud: LocalCloud, account: string): Promise<Response> =>
  fetch(\`http://\${cloud.hostOf(emailOf(account))}/v1/projects/demo/${resource}s/first\`)

it('${article(resource)} of the stacks is provisioned, read by the account that is granted it alone, and removed', async () => {
  const accounts = ['reader', 'other-1'].map((id) => ({ email: emailOf(id), port: 0 }))
  const cloud = await createLocalCloud({ plugins, project, accounts })
  onTestFinished(() => cloud.close())
  const planned = plan(readResources([stack], plugins), plugins)
  for (let starts = 0; starts < 2; starts++) await provision(planned, cloud.api)

  const granted = await read(cloud, 'reader')
  expect(await granted.json()).toEqual({ name: 'projects/demo/${resource}s/first', labels: { of: 'demo' } })
  expect((await read(cloud, 'other-1')).status).toBe(403)

  for (const { resource, provisioner } of planned.toReversed()) await provisioner.remove(resource, cloud.api)
  await expect(cloud.api('GET', '/v1/projects/demo/${resource}s/first')).rejects.toMatchObject({ httpStatus: 404 })
})
`
}

const article = (word: string): string => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`

const readme = (name: string, resource: string): string => `# ${titleOf(name)}

Served: create, get, patch and delete of ${resource}s over REST, and their IAM policies. Every other method answers NOT_FOUND.
Provisioned: \`${terraformType(name, resource)}\`, \`${terraformType(name, resource)}_iam_member\` and \`…_iam_binding\`.

Nothing has been compared with Google's own service yet.
`
