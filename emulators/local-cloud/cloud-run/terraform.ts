/** google_cloud_run_v2_service and google_cloud_run_v2_worker_pool, by the public REST API: blocks become the Admin API's messages. */

import { type Attributes, attributesOf, defined, type Message, readAttributes } from '../core/terraform/attributes.ts'
import { policyGrants } from '../core/terraform/policy-grants.ts'
import type { Provisioner } from '../core/terraform/provisioner.ts'
import { upsert } from '../core/terraform/upsert.ts'
import { servicePolicy } from './iam.ts'

export const serviceProvisioner: Provisioner = {
  async create(resource, api) {
    const { parent, id, service } = readAttributes(resource, (attributes) => ({
      parent: parentOf(attributes),
      id: attributes.required('name'),
      service: serviceOf(attributes),
    }))
    await upsert(
      () => api('POST', `/v2/${parent}/services?serviceId=${id}`, service),
      () => api('PATCH', `/v2/${parent}/services/${id}`, service),
    )
  },
  async remove(resource, api) {
    const attributes = attributesOf(resource)
    await api('DELETE', `/v2/${parentOf(attributes)}/services/${attributes.required('name')}`)
  },
  computed: (service) => ({ id: `${parentOf(service)}/services/${service.required('name')}` }),
}

export const serviceGrants = policyGrants(
  'google_cloud_run_v2_service',
  servicePolicy,
  (member) => `${parentOf(member)}/services/${member.shortName('name')}`,
)

/** It has no address and no policy: no caller reaches it. */
export const workerPoolProvisioner: Provisioner = {
  async create(resource, api) {
    const { parent, id, pool } = readAttributes(resource, (attributes) => ({
      parent: parentOf(attributes),
      id: attributes.required('name'),
      pool: workerPoolOf(attributes),
    }))
    await upsert(
      () => api('POST', `/v2/${parent}/workerPools?workerPoolId=${id}`, pool),
      () => api('PATCH', `/v2/${parent}/workerPools/${id}`, pool),
    )
  },
  async remove(resource, api) {
    const attributes = attributesOf(resource)
    await api('DELETE', `/v2/${parentOf(attributes)}/workerPools/${attributes.required('name')}`)
  },
  computed: (pool) => ({ id: `${parentOf(pool)}/workerPools/${pool.required('name')}` }),
}

const parentOf = (service: Attributes): string =>
  `projects/${service.project()}/locations/${service.required('location')}`

function serviceOf(service: Attributes): Message {
  // Terraform's own, or notes of the tool that deployed it.
  service.ignore('deletion_protection', 'client', 'client_version')
  return defined({
    description: service.text('description'),
    labels: service.value('labels'),
    annotations: service.value('annotations'),
    launchStage: service.text('launch_stage'),
    ingress: service.text('ingress'),
    invokerIamDisabled: service.flag('invoker_iam_disabled'),
    customAudiences: service.value('custom_audiences'),
    scaling: service.block('scaling', scalingOf),
    template: service.block('template', templateOf),
    traffic: service.blocks('traffic', (target) => ({
      type: target.text('type'),
      revision: target.text('revision'),
      percent: target.number('percent'),
      tag: target.text('tag'),
    })),
  })
}

function workerPoolOf(pool: Attributes): Message {
  pool.ignore('deletion_protection', 'client', 'client_version')
  return defined({
    description: pool.text('description'),
    labels: pool.value('labels'),
    annotations: pool.value('annotations'),
    launchStage: pool.text('launch_stage'),
    scaling: pool.block('scaling', (scaling) => ({
      scalingMode: scaling.text('scaling_mode'),
      manualInstanceCount: scaling.number('manual_instance_count'),
    })),
    instanceSplits: pool.blocks('instance_splits', (split) => ({
      type: split.text('type'),
      revision: split.text('revision'),
      percent: split.number('percent'),
    })),
    template: pool.block('template', templateOf),
  })
}

const templateOf = (template: Attributes): Message => ({
  labels: template.value('labels'),
  annotations: template.value('annotations'),
  serviceAccount: template.text('service_account'),
  timeout: template.text('timeout'),
  maxInstanceRequestConcurrency: template.number('max_instance_request_concurrency'),
  executionEnvironment: template.text('execution_environment'),
  sessionAffinity: template.flag('session_affinity'),
  scaling: template.block('scaling', scalingOf),
  vpcAccess: template.block('vpc_access', (access) => ({
    egress: access.text('egress'),
    networkInterfaces: access.blocks('network_interfaces', (one) => ({
      network: one.text('network'),
      subnetwork: one.text('subnetwork'),
      tags: one.value('tags'),
    })),
  })),
  containers: template.blocks('containers', containerOf),
})

const scalingOf = (scaling: Attributes): Message => ({
  minInstanceCount: scaling.number('min_instance_count'),
  maxInstanceCount: scaling.number('max_instance_count'),
})

const containerOf = (container: Attributes): Message => ({
  name: container.text('name'),
  image: container.text('image'),
  command: container.value('command'),
  args: container.value('args'),
  workingDir: container.text('working_dir'),
  dependsOn: container.value('depends_on'),
  env: container.blocks('env', (variable) => ({
    name: variable.text('name'),
    value: variable.text('value'),
    valueSource: variable.block('value_source', (source) => ({
      secretKeyRef: source.block('secret_key_ref', (secret) => ({
        secret: secret.text('secret'),
        version: secret.text('version'),
      })),
    })),
  })),
  ports: container.blocks('ports', (port) => ({
    name: port.text('name'),
    containerPort: port.number('container_port'),
  })),
  resources: container.block('resources', (resources) => ({
    limits: resources.value('limits'),
    cpuIdle: resources.flag('cpu_idle'),
    startupCpuBoost: resources.flag('startup_cpu_boost'),
  })),
  startupProbe: container.block('startup_probe', probeOf),
  livenessProbe: container.block('liveness_probe', probeOf),
})

const probeOf = (probe: Attributes): Message => ({
  httpGet: probe.block('http_get', (get) => ({ path: get.text('path'), port: get.number('port') })),
  tcpSocket: probe.block('tcp_socket', (socket) => ({ port: socket.number('port') })),
  grpc: probe.block('grpc', (grpc) => ({ port: grpc.number('port'), service: grpc.text('service') })),
  initialDelaySeconds: probe.number('initial_delay_seconds'),
  periodSeconds: probe.number('period_seconds'),
  timeoutSeconds: probe.number('timeout_seconds'),
  failureThreshold: probe.number('failure_threshold'),
})
