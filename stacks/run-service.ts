/** One service on Cloud Run: its container, and its invokers. */

import { Construct } from 'constructs'
import type { WrittenVariables } from '../shared/base/config.ts'
import { secretsReadWith, secretVariable } from '../shared/base/secret.ts'
import { type Business, servicesOf } from '../shared/service/business.ts'
import type { Service } from '../shared/service/service.ts'
import { TerraformVariable } from './cdktf.ts'
import { type Environment, imageName, PLACEHOLDER_DIGEST } from './environments.ts'
import {
  CloudRunV2Service,
  CloudRunV2ServiceIamBinding,
  type CloudRunV2ServiceTemplateContainersEnv,
  type CloudRunV2ServiceTemplateVpcAccess,
  ProjectIamMember,
} from './google.ts'
import { serviceEmail, serviceMember } from './members.ts'
import { validName } from './naming-rules.ts'
import { networkName } from './private-network.ts'
import { calleesOf } from '../shared/service/callers.ts'
import { variablesOf } from './service-variables.ts'

const REQUEST_TIMEOUT = '60s'
/** The roles for the telemetry that a service exports itself: spans, metrics, and the quota that they use. Cloud Run collects logs by itself. */
const telemetryRoles = [
  'roles/telemetry.tracesWriter',
  'roles/telemetry.metricsWriter',
  'roles/serviceusage.serviceUsageConsumer',
]

const plainVariables = (variables: Readonly<Record<string, string>>): CloudRunV2ServiceTemplateContainersEnv[] =>
  Object.entries(variables).map(([name, value]) => ({ name, value }))

/** References: a value is in no stack, plan or state. Cloud Run resolves them, as the service's account, when an instance starts. */
const secretVariables = (
  { secrets }: Service,
  variables: Readonly<Record<string, string>>,
  environment: Environment,
): CloudRunV2ServiceTemplateContainersEnv[] =>
  secretsReadWith(secrets, variables).map((secret) => ({
    name: secretVariable(secret),
    valueSource: { secretKeyRef: { secret, version: environment.secretVersion(secret) } },
  }))

interface RunServiceProps {
  readonly service: Service
  /** The IAM members that may invoke it; a public service may be invoked by all users, and names no others. */
  readonly invokers: readonly string[]
  readonly business: Business
  readonly environment: Environment
}

export class RunService extends Construct {
  readonly service: CloudRunV2Service
  /** With its digest. */
  readonly image: string
  /** Of its container, without those that only its ingress is for. */
  readonly variables: readonly CloudRunV2ServiceTemplateContainersEnv[]
  /** The way to the services that it calls; absent: it calls none. */
  readonly vpcAccess?: CloudRunV2ServiceTemplateVpcAccess

  constructor(scope: Construct, id: string, { service, invokers, business, environment }: RunServiceProps) {
    super(scope, id)
    const digest = new TerraformVariable(scope, 'image_digest', {
      type: 'string',
      default: environment.releases?.[service.name] ?? environment.imageDigest,
      description: `Digest of the image that ${service.name} runs`,
    })
    digest.addValidation({
      condition: `\${can(regex("^sha256:[0-9a-f]{64}$", var.image_digest)) && var.image_digest != "${PLACEHOLDER_DIGEST}"}`,
      errorMessage: `Build the image first, by npm run image -- ${environment.name}; a digest is sha256: and 64 hexadecimal digits.`,
    })
    const variables = variablesOf(service, business, environment)
    this.image = `${imageName(environment)}@${digest.value}`
    this.variables = [...plainVariables(variables), ...secretVariables(service, variables, environment)]
    const { concurrency, maxInstances, cpu, memory } = service.scale
    const callsOthers = calleesOf(service, servicesOf(business)).length > 0
    // Only calls between services need it; it delays the start of an instance, and takes addresses of the subnet.
    if (callsOthers)
      this.vpcAccess = {
        egress: 'PRIVATE_RANGES_ONLY',
        networkInterfaces: [{ network: networkName, subnetwork: networkName }],
      }
    const minInstances = business.minInstances?.(environment) ?? {}
    const isPublic = service.ingress === 'public'
    const isUnchecked = isPublic && environment.publicAccess === 'unchecked'
    this.service = new CloudRunV2Service(this, 'service', {
      name: validName('service', service.name),
      location: environment.region,
      ingress: isPublic ? 'INGRESS_TRAFFIC_ALL' : 'INGRESS_TRAFFIC_INTERNAL_ONLY',
      ...(isUnchecked ? { invokerIamDisabled: true } : {}),
      deletionProtection: environment.protectsData,
      // If it were undeclared, manually moved traffic would stay, and later releases would receive none.
      traffic: [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100 }],
      template: {
        serviceAccount: serviceEmail(service.name, environment),
        timeout: REQUEST_TIMEOUT,
        maxInstanceRequestConcurrency: concurrency,
        executionEnvironment: 'EXECUTION_ENVIRONMENT_GEN2',
        scaling: { minInstanceCount: minInstances[service.name] ?? 0, maxInstanceCount: maxInstances },
        ...(this.vpcAccess ? { vpcAccess: this.vpcAccess } : {}),
        containers: [
          {
            name: 'service',
            image: this.image,
            command: ['node'],
            args: ['functions/main.ts', service.name],
            ports: { name: 'http1', containerPort: 8080 },
            env: [
              ...plainVariables({
                ...variables,
                // Set on Cloud Run only: on other platforms the same image must verify every token itself.
                INGRESS: 'cloud-run' satisfies WrittenVariables['INGRESS'],
              }),
              ...secretVariables(service, variables, environment),
            ],
            resources: { limits: { cpu, memory }, cpuIdle: true, startupCpuBoost: true },
            // https://cloud.google.com/run/docs/configuring/vpc-direct-vpc: a new instance may reach the VPC a minute later or more.
            startupProbe: callsOthers
              ? { httpGet: { path: '/health/started' }, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 120 }
              : { httpGet: { path: '/health/live' }, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 30 },
            livenessProbe: {
              httpGet: { path: '/health/live' },
              periodSeconds: 30,
              timeoutSeconds: 5,
              failureThreshold: 3,
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
    if (!isUnchecked) {
      // The whole list: an invoker that was added by hand is a difference of the next plan.
      new CloudRunV2ServiceIamBinding(this, 'invokers', {
        name: this.service.name,
        location: environment.region,
        role: 'roles/run.invoker',
        members: isPublic ? ['allUsers'] : [...invokers],
      })
    }
    for (const role of telemetryRoles) {
      new ProjectIamMember(this, `writes-${role.replaceAll(/\W/g, '-')}`, {
        project: environment.projectId,
        role,
        member: serviceMember(service.name, environment),
      })
    }
  }
}
