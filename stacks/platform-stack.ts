/** What changes rarely: APIs, identities, the image repository, the network, alerts. */

import type { Construct } from 'constructs'
import { accountId, operationsAccountId, pushAccountId } from '../shared/names.ts'
import type { Service } from '../shared/service.ts'
import { Alerts } from './alerts.ts'
import { EnvironmentStack } from './environment-stack.ts'
import type { Environment } from './environments.ts'
import { ArtifactRegistryRepository, ProjectService, ServiceAccount, ServiceAccountIamMember } from './google.ts'
import { pubsubAgent, serviceMember } from './members.ts'
import { named } from './naming-rules.ts'
import { PrivateNetwork } from './private-network.ts'

const apis = [
  'artifactregistry',
  'bigquery',
  'cloudbuild',
  'cloudtasks',
  'cloudtrace',
  'compute',
  'dns',
  'firestore',
  'iam',
  'logging',
  'monitoring',
  'pubsub',
  'run',
  'telemetry',
]

export class PlatformStack extends EnvironmentStack {
  constructor(scope: Construct, services: readonly Service[], environment: Environment) {
    super(scope, `${environment.name}-platform`, environment)
    for (const api of apis) {
      // Another stack, or another team, may need the API when this one is destroyed.
      new ProjectService(this, `api-${api}`, { service: `${api}.googleapis.com`, disableOnDestroy: false })
    }
    new ArtifactRegistryRepository(this, 'images', {
      repositoryId: 'millrace',
      location: environment.region,
      format: 'DOCKER',
      dockerConfig: { immutableTags: true },
    })
    new PrivateNetwork(this, 'network', { environment })
    for (const service of services) this.#identities(service)
    this.#operations()
    new Alerts(this, 'alerts', { environment })
  }

  /** Operators act with the token of this account alone, and nobody else may. */
  #operations(): void {
    const account = new ServiceAccount(this, 'account-operations', {
      accountId: named('account', operationsAccountId),
      displayName: 'Sends what operators replay',
    })
    new ServiceAccountIamMember(this, 'operators-act-as-operations', {
      serviceAccountId: account.name,
      role: 'roles/iam.serviceAccountUser',
      member: this.environment.operators,
      dependsOn: [account],
    })
  }

  #identities(service: Service): void {
    const account = new ServiceAccount(this, `account-${service.name}`, {
      accountId: named('account', accountId(service.name)),
      displayName: `Runs ${service.name}`,
    })
    // A task's token is the sender's own: the receiver's would let every sender act as it.
    if (service.sends.length > 0 || service.asksToRepeat.length > 0) {
      new ServiceAccountIamMember(this, `${service.name}-acts-as-itself`, {
        serviceAccountId: account.name,
        role: 'roles/iam.serviceAccountUser',
        member: serviceMember(service.name, this.environment),
        dependsOn: [account],
      })
    }
    if (service.on.length === 0) return
    const push = new ServiceAccount(this, `push-${service.name}`, {
      accountId: named('account', pushAccountId(service.name)),
      displayName: `Pushes events to ${service.name}`,
    })
    new ServiceAccountIamMember(this, `push-token-${service.name}`, {
      serviceAccountId: push.name,
      role: 'roles/iam.serviceAccountTokenCreator',
      member: pubsubAgent(this.environment),
      dependsOn: [push],
    })
  }
}
