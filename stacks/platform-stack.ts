/** Resources that change rarely: APIs, accounts, the image repository, the network, audit logs, log-based metrics. */

import type { Construct } from 'constructs'
import { accountId, cronAccountId, operationsAccountId, pushAccountId } from '../shared/base/names.ts'
import { secretNamesOf } from '../shared/base/secret.ts'
import { isScheduled, type Service, usesQueues } from '../shared/service/service.ts'
import { Audit } from './audit.ts'
import { dependable, TerraformResource } from './cdktf.ts'
import { EnvironmentStack } from './environment-stack.ts'
import type { Environment } from './environments.ts'
import { ProjectService, ServiceAccount, ServiceAccountIamBinding } from './google.ts'
import { ImageBuilds } from './image-builds.ts'
import { LogMetrics } from './log-metrics.ts'
import { pubsubAgent, serviceMember } from './members.ts'
import { validName } from './naming-rules.ts'
import { PartnerSecrets } from './partner-secrets.ts'
import { PrivateNetwork } from './private-network.ts'
import { waitAfterCreation } from './wait.ts'

const apis = [
  'artifactregistry',
  'bigquery',
  'cloudbuild',
  'cloudscheduler',
  'cloudtasks',
  'cloudtrace',
  'compute',
  // Cloud Build stores the provenance of verified builds there; the build of cloudbuild.yaml fails without it.
  'containeranalysis',
  'dns',
  'firestore',
  'iam',
  // Identity Platform: services look up the state of callers' accounts.
  'identitytoolkit',
  'logging',
  'monitoring',
  'pubsub',
  'run',
  'storage',
  'telemetry',
]

/** An enabled API refuses requests for up to some minutes (SERVICE_DISABLED), and the provider does not repeat them. All APIs wait at the same time. */
const waitForApi = waitAfterCreation(60)

export class PlatformStack extends EnvironmentStack {
  constructor(scope: Construct, services: readonly Service[], environment: Environment) {
    super(scope, 'platform', environment)
    new ImageBuilds(this, 'builds', { environment })
    new PrivateNetwork(this, 'network', { environment })
    const accounts = services.map((service) => this.#identities(service))
    this.#operations()
    new Audit(this, 'audit', { accounts, environment })
    new LogMetrics(this, 'log-metrics', { services })
    new PartnerSecrets(this, 'secrets', { services, accounts, environment })
    this.#enableApis(services)
  }

  /** Operators act with the token of this account alone; no other account may. */
  #operations(): void {
    const account = new ServiceAccount(this, 'account-operations', {
      accountId: validName('account', operationsAccountId),
      displayName: 'Sends replays and commands of operators',
    })
    new ServiceAccountIamBinding(this, 'operators-act-as-operations', {
      serviceAccountId: account.name,
      role: 'roles/iam.serviceAccountUser',
      members: [this.environment.operators],
      dependsOn: [account],
    })
  }

  /** A new project refuses all other resources until their APIs are enabled. */
  #enableApis(services: readonly Service[]): void {
    const others = this.node.findAll().filter((one) => TerraformResource.isTerraformResource(one))
    const needed = [
      ...apis,
      ...(this.environment.budget ? ['billingbudgets'] : []),
      ...(secretNamesOf(services).length > 0 ? ['secretmanager'] : []),
    ]
    const enabled = needed.map((api) =>
      dependable(
        // Another stack, or another team, may need the API when this one is destroyed.
        new ProjectService(this, `api-${api}`, {
          service: `${api}.googleapis.com`,
          disableOnDestroy: false,
          provisioners: [waitForApi],
        }),
      ),
    )
    for (const other of others) other.dependsOn = [...(other.dependsOn ?? []), ...enabled]
  }

  #identities(service: Service): ServiceAccount {
    const account = new ServiceAccount(this, `account-${service.name}`, {
      accountId: validName('account', accountId(service.name)),
      displayName: `Runs ${service.name}`,
    })
    // A task carries the token of its sender: with the receiver's, every sender could act as the receiver.
    if (usesQueues(service)) {
      new ServiceAccountIamBinding(this, `${service.name}-acts-as-itself`, {
        serviceAccountId: account.name,
        role: 'roles/iam.serviceAccountUser',
        members: [serviceMember(service.name, this.environment)],
        dependsOn: [account],
      })
    }
    if (service.on.length > 0) this.#pushIdentity(service)
    // Cloud Scheduler's own agent makes the token, by the role that Google gives it on the project with the API.
    if (isScheduled(service)) {
      new ServiceAccount(this, `cron-${service.name}`, {
        accountId: validName('account', cronAccountId(service.name)),
        displayName: `Calls ${service.name} by the clock`,
      })
    }
    return account
  }

  #pushIdentity({ name }: Service): void {
    const push = new ServiceAccount(this, `push-${name}`, {
      accountId: validName('account', pushAccountId(name)),
      displayName: `Pushes events to ${name}`,
    })
    new ServiceAccountIamBinding(this, `push-token-${name}`, {
      serviceAccountId: push.name,
      // The broader serviceAccountTokenCreator also makes access tokens and signatures.
      role: 'roles/iam.serviceAccountOpenIdTokenCreator',
      members: [pubsubAgent(this.environment)],
      dependsOn: [push],
    })
  }
}
