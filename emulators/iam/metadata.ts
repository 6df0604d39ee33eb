/** The metadata server of each service account's port: https://cloud.google.com/run/docs/container-contract#metadata-server */

import { Hono } from 'hono'
import type { Http } from '../core/local-cloud.ts'
import type { CloudContext } from '../core/plugin.ts'
import type { Accounts } from './accounts.ts'
import type { Tokens } from './tokens.ts'

const ACCESS_TOKEN_SECONDS = 3599
const scopes = ['https://www.googleapis.com/auth/cloud-platform']

export function metadataServer(context: CloudContext, accounts: Accounts, tokens: Tokens): Http {
  const app: Http = new Hono()
  const { id, number, region } = context.project

  app.use('/computeMetadata/*', async (c, next) => {
    c.header('Metadata-Flavor', 'Google')
    c.header('Server', 'Metadata Server for Cloud Run')
    if (c.req.header('metadata-flavor') !== 'Google') return c.text('Missing Metadata-Flavor:Google header.\n', 403)
    return next()
  })
  // Clients look here, without the header, to learn whether there is a metadata server at all.
  app.get('/', (c) => {
    if (c.get('context').principal === 'owner') return c.text('Millrace: a local Google Cloud\n')
    c.header('Metadata-Flavor', 'Google')
    return c.text('computeMetadata/\n')
  })
  app.get('/computeMetadata/v1', (c) => c.text('instance/\nproject/\n'))
  app.get('/computeMetadata/v1/', (c) => c.text('instance/\nproject/\n'))
  app.get('/computeMetadata/v1/project/project-id', (c) => c.text(id))
  app.get('/computeMetadata/v1/project/numeric-project-id', (c) => c.text(number))
  app.get('/computeMetadata/v1/instance/region', (c) => c.text(`projects/${number}/regions/${region}`))
  app.get('/computeMetadata/v1/instance/zone', (c) => c.text(`projects/${number}/zones/${region}-1`))
  app.get('/computeMetadata/v1/instance/id', (c) => c.text('0'.repeat(16)))
  app.get('/computeMetadata/v1/universe/universe-domain', (c) => c.text('googleapis.com'))

  app.get('/computeMetadata/v1/instance/service-accounts/', (c) => c.text(`${c.get('context').principal}/\ndefault/\n`))
  app.get('/computeMetadata/v1/instance/service-accounts/:account/:what?', async (c) => {
    const { principal } = c.get('context')
    const asked = c.req.param('account')
    const account = accounts.find(principal)
    if (!account || (asked !== 'default' && asked !== principal))
      return c.text(`No service account ${asked} on this port.\n`, 404)
    switch (c.req.param('what') ?? '') {
      case '':
        return c.json({ aliases: ['default'], email: principal, scopes })
      case 'email':
        return c.text(principal)
      case 'scopes':
        return c.text(`${scopes.join('\n')}\n`)
      case 'aliases':
        return c.text('default\n')
      case 'token':
        return c.json({
          access_token: `ya29.local.${context.newId()}${context.newId()}`,
          expires_in: ACCESS_TOKEN_SECONDS,
          token_type: 'Bearer',
        })
      case 'identity': {
        const audience = c.req.query('audience')
        if (!audience) return c.text('non-empty audience parameter required\n', 400)
        return c.text(await tokens.mintIdToken({ email: principal, audience }))
      }
      default:
        return c.text('Not found\n', 404)
    }
  })
  return app
}
