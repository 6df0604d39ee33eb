/** One service on Cloud Run: its container, the collector beside it, and who may call it. */

import { Construct } from 'constructs'
import { readFileSync } from 'node:fs'
import type { WrittenVariables } from '../shared/base/config.ts'
import type { Service } from '../shared/service/service.ts'
import { TerraformVariable } from './cdktf.ts'
import { type Environment, imageName, PLACEHOLDER_DIGEST } from './environments.ts'
import { CloudRunV2Service, CloudRunV2ServiceIamMember, ProjectIamMember } from './google.ts'
import { operationsMember, pushMember, serviceEmail, serviceMember } from './members.ts'
import { named } from './naming-rules.ts'
import { networkName } from './private-network.ts'
import { variablesOf } from './service-variables.ts'

/** Its own `${env:…}` escaped, which Terraform would take for itself. */
const collectorConfig = readFileSync(new URL('collector.yaml', import.meta.url), 'utf8').replaceAll('${', () => '$${')
const REQUEST_TIMEOUT = '60s'
/** Of the collector, which runs as the service's account: spans, metrics, and the quota that they count against. What a container prints Cloud Run takes by itself. */
const telemetryRoles = [
  'roles/telemetry.tracesWriter',
  'roles/telemetry.metricsWriter',
  'roles/serviceusage.serviceUsageConsumer',
]

interface RunServiceProps {
  readonly service: Service
  readonly services: readonly Service[]
  readonly environment: Environment
}

export class RunService extends Construct {
  readonly service: CloudRunV2Service
  readonly #environment: Environment

  constructor(scope: Construct, id: string, { service, services, environment }: RunServiceProps) {
    super(scope, id)
    this.#environment = environment
    const digest = new TerraformVariable(scope, 'image_digest', {
      type: 'string',
      default: environment.imageDigest,
      description: `Digest of the image that ${service.name} runs`,
    })
    digest.addValidation({
      condition: `\${can(regex("^sha256:[0-9a-f]{64}$", var.image_digest)) && var.image_digest != "${PLACEHOLDER_DIGEST}"}`,
      errorMessage: `Build the image first, by npm run image -- ${environment.name}; a digest is sha256: and 64 hexadecimal digits.`,
    })
    const collector = new TerraformVariable(scope, 'collector_image', {
      type: 'string',
      default: environment.collectorImage,
      description: `Image of the collector beside ${service.name}`,
    })
    collector.addValidation({
      condition: `\${can(regex("@sha256:[0-9a-f]{64}$", var.collector_image)) && !endswith(var.collector_image, "@${PLACEHOLDER_DIGEST}")}`,
      errorMessage: `Record the digest of the collector's image first, by npm run image -- ${environment.name}; it ends with @sha256: and 64 hexadecimal digits.`,
    })
    const { concurrency, maxInstances, cpu, memory } = service.scale
    this.service = new CloudRunV2Service(this, 'service', {
      name: named('service', service.name),
      location: environment.region,
      ingress: service.ingress === 'public' ? 'INGRESS_TRAFFIC_ALL' : 'INGRESS_TRAFFIC_INTERNAL_ONLY',
      deletionProtection: environment.protectsData,
      template: {
        serviceAccount: serviceEmail(service.name, environment),
        timeout: REQUEST_TIMEOUT,
        maxInstanceRequestConcurrency: concurrency,
        executionEnvironment: 'EXECUTION_ENVIRONMENT_GEN2',
        scaling: { minInstanceCount: environment.minInstances, maxInstanceCount: maxInstances },
        vpcAccess: {
          egress: 'PRIVATE_RANGES_ONLY',
          networkInterfaces: [{ network: networkName, subnetwork: networkName }],
        },
        containers: [
          {
            name: 'service',
            image: `${imageName(environment)}@${digest.value}`,
            command: ['node'],
            args: ['functions/main.ts', service.name],
            ports: { name: 'http1', containerPort: 8080 },
            env: Object.entries({
              ...variablesOf(service, services, environment),
              // Said here alone, where it is true: elsewhere the same image verifies every token itself.
              INGRESS: 'cloud-run' satisfies WrittenVariables['INGRESS'],
            }).map(([name, value]) => ({ name, value })),
            resources: { limits: { cpu, memory }, cpuIdle: true, startupCpuBoost: true },
            startupProbe: {
              httpGet: { path: '/health/live' },
              periodSeconds: 1,
              timeoutSeconds: 1,
              failureThreshold: 30,
            },
            livenessProbe: {
              httpGet: { path: '/health/live' },
              periodSeconds: 30,
              timeoutSeconds: 5,
              failureThreshold: 3,
            },
            dependsOn: ['collector'],
          },
          {
            name: 'collector',
            // https://github.com/GoogleCloudPlatform/opentelemetry-operations-collector: Google's own build of the collector.
            image: collector.value,
            args: ['--config=env:COLLECTOR_CONFIG'],
            env: [
              { name: 'COLLECTOR_CONFIG', value: collectorConfig },
              { name: 'GOOGLE_CLOUD_PROJECT', value: environment.projectId },
              // Go then collects before it grows: the program itself needs the rest of the container's memory.
              { name: 'GOMEMLIMIT', value: '160MiB' },
            ],
            // Said of each container: where it is left out, the instance is billed and kept awake between requests.
            resources: { limits: { cpu: '0.5', memory: '256Mi' }, cpuIdle: true },
            startupProbe: {
              httpGet: { path: '/', port: 13_133 },
              periodSeconds: 1,
              timeoutSeconds: 1,
              failureThreshold: 30,
            },
          },
        ],
      },
    })
    if (service.readsAccounts) {
      new ProjectIamMember(this, 'reads-accounts', {
        project: environment.projectId,
        role: 'roles/firebaseauth.viewer',
        member: serviceMember(service.name, environment),
      })
    }
    if (service.ingress === 'public') this.#invoker('everybody', 'allUsers')
    for (const role of telemetryRoles) {
      new ProjectIamMember(this, `writes-${role.replaceAll(/\W/g, '-')}`, {
        project: environment.projectId,
        role,
        member: serviceMember(service.name, environment),
      })
    }
  }

  /** A service that sends it commands or queries it. */
  grantInvoke(caller: string): void {
    this.#invoker(`invoked-by-${caller}`, serviceMember(caller, this.#environment))
  }

  /** The account of Pub/Sub's deliveries to this service, which may do nothing else. */
  grantPush(service: string): void {
    this.#invoker('invoked-by-push', pushMember(service, this.#environment))
  }

  /** The account of what operators send through this service's queue. */
  grantOperations(): void {
    this.#invoker('invoked-by-operations', operationsMember(this.#environment))
  }

  #invoker(id: string, member: string): void {
    new CloudRunV2ServiceIamMember(this, id, {
      name: this.service.name,
      location: this.#environment.region,
      role: 'roles/run.invoker',
      member,
    })
  }
}
