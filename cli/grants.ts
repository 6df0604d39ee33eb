/** `npm run grants`: grants in an environment that its stacks do not make, or that are missing. */

import { business } from '../functions/index.ts'
import { synthesize } from '../stacks/app.ts'
import { type Environment, localEnvironment, localPorts } from '../stacks/environments.ts'
import { flag, main, requireRunning, secretOf, UsageError } from './command.ts'
import { deployedEnvironment, environmentNames } from './environment.ts'
import { type AccessEntry, policyOfAccess } from './grants/access.ts'
import { type Difference, differencesOf } from './grants/compare.ts'
import { declaredGrants, type PolicyAddress } from './grants/declared.ts'
import type { Policy } from './grants/policy.ts'
import { googleHeaders, type HeadersOf } from './google.ts'
import { table } from './table.ts'
import { say, sayJson } from './terminal.ts'

void main('grants', {
  brief: 'Compares the IAM policies of an environment with the grants of its stacks, and lists the differences.',
  about: `
It reads the policy of the project and of each resource of the stacks that has one: service, worker pool, topic, subscription,
queue, table, secret, account, repository, bucket, subnetwork and DNS zone; and the access lists of BigQuery's datasets. It does
not read what the project inherits from its folder and organization, nor the policy of the billing account. Terraform's plan shows a difference only in roles that the stacks bind; this command shows every added member of
every role. Grants on the project to the environment's administrators and to Google's own agents are expected, and the access
that Google gives members of the project to a new dataset. Ends with 1 if there is a difference. In the cloud you need roles/iam.securityReviewer on the project, and credentials: gcloud auth
application-default login.`,
  words: {
    name: 'ENVIRONMENT',
    brief: `${environmentNames.join(' or ')}; absent, the platform that runs here`,
    max: 1,
  },
  options: { json: flag('as JSON') },
  async run({ json }, [name]) {
    const environment = name === undefined ? undefined : deployedEnvironment(name)
    const differences = environment
      ? await differencesIn(environment, false, await cloudReader())
      : await differencesIn(localEnvironment(localPorts(4100, business)), true, localReader())
    if (json) sayJson(differences)
    else {
      print(differences)
      if (environment)
        say(`Not read: the policies of ${environment.projectId}'s folder, organization and billing account.`)
    }
    return differences.length === 0 ? 0 : 1
  },
})

function differencesIn(
  environment: Environment,
  isLocal: boolean,
  read: (address: PolicyAddress) => Promise<Policy | undefined>,
): Promise<Difference[]> {
  const declared = declaredGrants(synthesize(environment, business), environment.projectId, isLocal)
  return differencesOf(declared, environment, read)
}

function print(differences: readonly Difference[]): void {
  if (differences.length === 0) return say('The policies have exactly the grants of the stacks.')
  say(
    table(
      differences.map((one) => ({ ...one, role: one.role.replace(/^roles\//, ''), condition: one.condition || null })),
    ),
  )
}

function localReader() {
  const running = requireRunning()
  return reader(
    ({ path }) => `http://${running.apiHost}/${path}`,
    () => Promise.resolve(secretOf(running)),
  )
}

async function cloudReader() {
  return reader(({ api, path }) => `https://${api}.googleapis.com/${path}`, await googleHeaders('Reading policies'))
}

/** Policies of version 3: a lower one hides the conditions. */
function reader(urlOf: (address: PolicyAddress) => string, headersOf: HeadersOf) {
  return async (address: PolicyAddress): Promise<Policy | undefined> => {
    const { api, method, resource, isAccess } = address
    const option = isAccess
      ? 'accessPolicyVersion'
      : ['storage', 'compute'].includes(api)
        ? 'optionsRequestedPolicyVersion'
        : 'options.requestedPolicyVersion'
    const url = method === 'GET' ? `${urlOf(address)}?${option}=3` : urlOf(address)
    const response = await fetch(url, {
      method,
      headers: { ...(await headersOf(url)), 'content-type': 'application/json' },
      ...(method === 'POST' ? { body: JSON.stringify({ options: { requestedPolicyVersion: 3 } }) } : {}),
    })
    if (response.status === 404) return undefined
    if (!response.ok) throw new UsageError(`The policy of ${resource} can't be read: ${await response.text()}`)
    const answer: unknown = await response.json()
    if (!isAccess) return answer as Policy
    const { access = [] } = answer as { access?: readonly AccessEntry[] }
    return policyOfAccess(access, resource.split('/')[1]!)
  }
}
