/** The smallest emulator there can be: secrets of Secret Manager with one value each, and one method to read it. */

import { Hono } from 'hono'
import type { Http } from '../service.ts'
import type { IamFacts, PolicyKind } from '../iam-facts.ts'
import type { Plugin } from '../plugin.ts'
import { alreadyExists, notFound } from '../status.ts'
import { attributesOf, type Attributes, readAttributes } from '../terraform/attributes.ts'
import { policyGrants } from '../terraform/policy-grants.ts'
import type { Provisioner } from '../terraform/provisioner.ts'
import { upsert } from '../terraform/upsert.ts'

const secretPolicy: PolicyKind = {
  name: 'projects/{project}/secrets/{secret}',
  permissions: 'secretmanager.secrets',
  prefixes: ['/v1'],
  read: 'GET',
}

const secretManagerIam: IamFacts = {
  policies: [secretPolicy],
  roles: { 'roles/secretmanager.secretAccessor': ['secretmanager.versions.access'] },
}

const secretName = (secret: Attributes): string =>
  `projects/${secret.project()}/secrets/${secret.shortName('secret_id')}`

const secret: Provisioner = {
  async create(resource, api) {
    const { project, secretId, name, labels } = readAttributes(resource, (attributes) => ({
      project: attributes.project(),
      secretId: attributes.required('secret_id'),
      name: secretName(attributes),
      labels: attributes.value('labels'),
    }))
    await upsert(
      () => api('POST', `/v1/projects/${project}/secrets?secretId=${secretId}`, { labels }),
      () => api('PATCH', `/v1/${name}?updateMask=labels`, { labels }),
    )
  },
  async remove(resource, api) {
    await api('DELETE', `/v1/${secretName(attributesOf(resource))}`)
  },
  computed: (attributes) => ({ id: secretName(attributes), name: secretName(attributes) }),
}

export const secretManager: Plugin = {
  name: 'secret-manager',
  create({ journal }) {
    const secrets = journal.table<{ readonly labels?: unknown }>('secret-manager/secrets')
    const nameOf = (path: string): string => path.replace(/^\/v1\//, '').replace(/\/versions\/.*$/, '')
    const existing = (name: string): string => {
      if (!secrets.has(name)) throw notFound(`Secret [${name}] not found.`)
      return name
    }
    const http: Http = new Hono()
    http.post('/v1/projects/:project/secrets', async (c) => {
      const name = `projects/${c.req.param('project')}/secrets/${c.req.query('secretId')}`
      if (secrets.has(name)) throw alreadyExists(`Secret [${name}] already exists.`)
      secrets.set(name, await c.req.json<{ labels?: unknown }>())
      return c.json({ name })
    })
    http.patch('/v1/projects/:project/secrets/:secret', async (c) => {
      secrets.set(existing(nameOf(c.req.path)), await c.req.json<{ labels?: unknown }>())
      return c.json({})
    })
    http.delete('/v1/projects/:project/secrets/:secret', (c) => {
      secrets.delete(existing(nameOf(c.req.path)))
      return c.json({})
    })
    http.get('/v1/projects/:project/secrets/:secret/versions/:version', (c) =>
      c.json({ payload: { data: btoa(`the value of ${existing(nameOf(c.req.path))}`) } }),
    )
    return {
      core: {},
      http,
      routes: [
        {
          method: 'GET',
          path: /^\/v1\/(?<name>projects\/[^/]+\/secrets\/[^/]+)\/versions\/latest:access$/,
          needs: ({ name = '' }) => [{ permission: 'secretmanager.versions.access', resource: name }],
        },
      ],
      resourceExists: (name) => (/^projects\/[^/]+\/secrets\/[^/]+$/.test(name) ? secrets.has(name) : undefined),
    }
  },
  terraform: {
    google_secret_manager_secret: secret,
    ...policyGrants('google_secret_manager_secret', secretPolicy, secretName),
  },
  iam: secretManagerIam,
  environment: (host) => ({ SECRET_MANAGER_HOST: host }),
}
