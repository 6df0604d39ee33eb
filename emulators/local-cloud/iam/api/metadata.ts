/** The metadata server of each service account's port: https://cloud.google.com/run/docs/container-contract#metadata-server */

import { Hono } from 'hono'
import type { Http } from '../../core/service.ts'
import type { CloudContext } from '../../core/plugin.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Tokens } from '../accounts/tokens.ts'

const SCOPES = ['https://www.googleapis.com/auth/cloud-platform']
const ROOT = '/computeMetadata/v1'

/** The answer of a path: text, or a function that makes it (and is left out of a recursive answer). */
type Leaf = string | readonly string[] | ((query: Query) => unknown)
interface Directory {
  readonly [name: string]: Leaf | Directory
}
type Query = (name: string) => string | undefined

class BadQuery extends Error {}

export function metadataServer(context: CloudContext, accounts: Accounts, tokens: Tokens): Http {
  const app: Http = new Hono()
  app.use(`${ROOT}/*`, async (c, next) => {
    // The owner's port belongs to no service account, so it has no identity.
    if (c.get('context').principal === 'owner') return next()
    c.header('Metadata-Flavor', 'Google')
    c.header('Server', 'Metadata Server for Serverless')
    // Google's server refuses proxied requests: the client of a proxy would get the service's tokens.
    if (c.req.header('x-forwarded-for') !== undefined) return c.text('X-Forwarded-For is not allowed.\n', 403)
    if (c.req.header('metadata-flavor') !== 'Google') return c.text('Missing Metadata-Flavor:Google header.\n', 403)

    const tree = treeOf(context, { accounts, tokens, email: c.get('context').principal })
    const found = c.req.path
      .slice(ROOT.length)
      .split('/')
      .filter((step) => step !== '')
      .reduce<Leaf | Directory | undefined>(
        (node, step) => (isDirectory(node) && Object.hasOwn(node, step) ? node[step] : undefined),
        tree,
      )
    if (found === undefined) return c.text(`${c.req.path} was not found on this server.\n`, 404)
    if (isDirectory(found)) {
      if (c.req.query('recursive')?.toLowerCase() === 'true') return c.json(recursive(found) as object)
      return c.text(listing(found))
    }
    if (typeof found === 'string') return c.text(found)
    if (typeof found !== 'function') return c.text(found.map((line) => `${line}\n`).join(''))
    try {
      const made = await found((name) => c.req.query(name))
      return typeof made === 'string' ? c.text(made) : c.json(made as object)
    } catch (error) {
      if (error instanceof BadQuery) return c.text(`${error.message}\n`, 400)
      throw error
    }
  })
  // Clients look here, without the header, to learn whether there is a metadata server at all.
  app.get('/', (c) => {
    if (c.get('context').principal === 'owner') return c.text('A local Google Cloud\n')
    c.header('Metadata-Flavor', 'Google')
    return c.text('computeMetadata/\n')
  })
  return app
}

interface Identity {
  readonly accounts: Accounts
  readonly tokens: Tokens
  readonly email: string
}

function treeOf({ project: { id, number, region } }: CloudContext, identity: Identity): Directory {
  return {
    instance: {
      id: instanceId(identity.email),
      region: `projects/${number}/regions/${region}`,
      zone: `projects/${number}/zones/${region}-1`,
      'service-accounts': serviceAccounts(identity),
    },
    project: { 'numeric-project-id': number, 'project-id': id },
    universe: { 'universe-domain': 'googleapis.com' },
  }
}

/** A deleted or missing account answers 404: its service can't get tokens. */
function serviceAccounts({ accounts, tokens, email }: Identity): Directory {
  if (!accounts.find(email)) return {}
  const account: Directory = {
    aliases: ['default'],
    email,
    identity(query) {
      const audience = query('audience')
      if (!audience) throw new BadQuery('non-empty audience parameter required')
      return tokens.mintIdToken({ email, audience })
    },
    scopes: SCOPES,
    token() {
      const { token, expiresInSeconds } = tokens.accessToken(email)
      return { access_token: token, expires_in: expiresInSeconds, token_type: 'Bearer' }
    },
  }
  return { default: account, [email]: account }
}

/** An account has one id, whichever instance asks. */
const instanceId = (email: string): string => Buffer.from(email).toString('hex').slice(0, 32)

const isDirectory = (node: Leaf | Directory | undefined): node is Directory =>
  typeof node === 'object' && !Array.isArray(node)

const listing = (directory: Directory): string =>
  Object.entries(directory)
    .map(([name, node]) => `${name}${isDirectory(node) ? '/' : ''}\n`)
    .join('')

/** Renders a tree as JSON: names in camel case, e-mail addresses as they are, values that are made on demand left out. */
function recursive(node: Leaf | Directory): unknown {
  if (!isDirectory(node)) return node
  return Object.fromEntries(
    Object.entries(node)
      .filter(([, child]) => typeof child !== 'function')
      .map(([name, child]) => [
        name.includes('@') ? name : name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()),
        name === 'numeric-project-id' ? Number(child) : recursive(child),
      ]),
  )
}
