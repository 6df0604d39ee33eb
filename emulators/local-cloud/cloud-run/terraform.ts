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
    ...service.alike({
      text: ['description', 'launch_stage', 'ingress'],
      value: ['labels', 'annotations', 'custom_audiences'],
      flag: ['invoker_iam_disabled'],
    }),
    scaling: service.block('scaling', scalingOf),
    template: service.block('template', templateOf),
    traffic: service.blocks('traffic', (target) =>
      target.alike({ text: ['type', 'revision', 'tag'], number: ['percent'] }),
    ),
  })
}

function workerPoolOf(pool: Attributes): Message {
  pool.ignore('deletion_protection', 'client', 'client_version')
  return defined({
    ...pool.alike({ text: ['description', 'launch_stage'], value: ['labels', 'annotations'] }),
    scaling: pool.block('scaling', (scaling) =>
      scaling.alike({ text: ['scaling_mode'], number: ['manual_instance_count'] }),
    ),
    instanceSplits: pool.blocks('instance_splits', (split) =>
      split.alike({ text: ['type', 'revision'], number: ['percent'] }),
    ),
    template: pool.block('template', templateOf),
  })
}

const templateOf = (template: Attributes): Message => ({
  ...template.alike({
    value: ['labels', 'annotations'],
    text: ['service_account', 'timeout', 'execution_environment'],
    number: ['max_instance_request_concurrency'],
    flag: ['session_affinity'],
  }),
  scaling: template.block('scaling', scalingOf),
  vpcAccess: template.block('vpc_access', (access) => ({
    egress: access.text('egress'),
    networkInterfaces: access.blocks('network_interfaces', (one) =>
      one.alike({ text: ['network', 'subnetwork'], value: ['tags'] }),
    ),
  })),
  containers: template.blocks('containers', containerOf),
})

const scalingOf = (scaling: Attributes): Message =>
  scaling.alike({ number: ['min_instance_count', 'max_instance_count'] })

const containerOf = (container: Attributes): Message => ({
  ...container.alike({ text: ['name', 'image', 'working_dir'], value: ['command', 'args', 'depends_on'] }),
  env: container.blocks('env', (variable) => ({
    ...variable.alike({ text: ['name', 'value'] }),
    valueSource: variable.block('value_source', (source) => ({
      secretKeyRef: source.block('secret_key_ref', (secret) => secret.alike({ text: ['secret', 'version'] })),
    })),
  })),
  ports: container.blocks('ports', (port) => port.alike({ text: ['name'], number: ['container_port'] })),
  resources: container.block('resources', (resources) =>
    resources.alike({ value: ['limits'], flag: ['cpu_idle', 'startup_cpu_boost'] }),
  ),
  startupProbe: container.block('startup_probe', probeOf),
  livenessProbe: container.block('liveness_probe', probeOf),
})

const probeOf = (probe: Attributes): Message => ({
  httpGet: probe.block('http_get', (get) => get.alike({ text: ['path'], number: ['port'] })),
  tcpSocket: probe.block('tcp_socket', (socket) => ({ port: socket.number('port') })),
  grpc: probe.block('grpc', (grpc) => grpc.alike({ number: ['port'], text: ['service'] })),
  ...probe.alike({ number: ['initial_delay_seconds', 'period_seconds', 'timeout_seconds', 'failure_threshold'] }),
})
