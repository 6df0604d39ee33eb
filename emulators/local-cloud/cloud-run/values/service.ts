/** A Cloud Run service as the Admin API v2 describes it, as far as the local cloud runs it. */

import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { CloudContext } from '../../core/plugin.ts'
import { invalidArgument, StatusError } from '../../core/status.ts'
import { limits } from './limits.ts'

export interface Probe {
  readonly httpGet?: { readonly path?: string; readonly port?: number }
  readonly tcpSocket?: { readonly port?: number }
  readonly periodSeconds?: number
  readonly timeoutSeconds?: number
  readonly failureThreshold?: number
  readonly initialDelaySeconds?: number
}

/** With a value, or with the secret that has it. */
export interface Variable {
  readonly name: string
  readonly value?: string
  readonly valueSource?: { readonly secretKeyRef?: SecretReference }
}

export interface SecretReference {
  /** Its id in the same project, or its full name. */
  readonly secret: string
  /** A number, an alias or `latest`. */
  readonly version?: string
}

export interface Container {
  readonly name?: string
  readonly image: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: readonly Variable[]
  readonly ports?: readonly { readonly name?: string; readonly containerPort?: number }[]
  readonly resources?: unknown
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly dependsOn?: readonly string[]
  readonly volumeMounts?: unknown
}

export interface Template {
  readonly serviceAccount?: string
  /** `300s`. */
  readonly timeout?: string
  readonly maxInstanceRequestConcurrency?: number
  readonly scaling?: { readonly minInstanceCount?: number; readonly maxInstanceCount?: number }
  readonly containers: readonly Container[]
  readonly [other: string]: unknown
}

export interface Traffic {
  readonly type?: string
  readonly revision?: string
  readonly percent?: number
  readonly tag?: string
}

export interface ServiceResource {
  readonly name: string
  readonly generation: number
  readonly ingress: string
  readonly invokerIamDisabled: boolean
  readonly customAudiences?: readonly string[]
  readonly traffic?: readonly Traffic[]
  readonly template: Template
  readonly latestReadyRevision: string
  readonly uri: string
  readonly [other: string]: unknown
}

/** The shape of the fields that are read here; `checkService` checks the values. */
export const serviceSchema = z.looseObject({
  ingress: z.string().optional(),
  invokerIamDisabled: z.boolean().optional(),
  customAudiences: z.array(z.string()).optional(),
  traffic: z
    .array(
      z.looseObject({
        type: z.string().optional(),
        revision: z.string().optional(),
        percent: z.number().optional(),
        tag: z.string().optional(),
      }),
    )
    .optional(),
  template: z
    .looseObject({
      serviceAccount: z.string().optional(),
      timeout: z.string().optional(),
      maxInstanceRequestConcurrency: z.int().optional(),
      scaling: z.looseObject({ minInstanceCount: z.int().optional(), maxInstanceCount: z.int().optional() }).optional(),
      containers: z
        .array(
          z.looseObject({
            image: z.string().optional(),
            command: z.array(z.string()).optional(),
            args: z.array(z.string()).optional(),
            ports: z.array(z.looseObject({})).optional(),
            env: z
              .array(
                z.looseObject({
                  name: z.string(),
                  value: z.string().optional(),
                  valueSource: z
                    .strictObject({
                      secretKeyRef: z.strictObject({
                        secret: z.string().min(1),
                        version: z.string().min(1).optional(),
                      }),
                    })
                    .optional(),
                }),
              )
              .optional(),
            startupProbe: z.looseObject({ httpGet: z.looseObject({}).optional() }).optional(),
          }),
        )
        .optional(),
    })
    .optional(),
})

const ingresses = ['INGRESS_TRAFFIC_ALL', 'INGRESS_TRAFFIC_INTERNAL_ONLY', 'INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER']

const LATEST = 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST'

/** Of a service or a worker pool. @throws INVALID_ARGUMENT that names field and value. */
export function checkResource(field: string, id: string, template: Template | undefined): void {
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(id) || id.length > limits.nameCharacters) {
    throw invalidArgument(
      `${field}: "${id}" must be lower-case letters, digits and hyphens, begin with a letter and have at most ${limits.nameCharacters} characters.`,
    )
  }
  if (!template?.containers?.length) throw invalidArgument('template.containers: at least one container is required.')
  for (const container of template.containers) {
    if (!container.image) throw invalidArgument(`template.containers[${container.name ?? 0}].image is required.`)
    for (const { name, value, valueSource } of container.env ?? []) {
      if (value !== undefined && valueSource !== undefined)
        throw invalidArgument(
          `template.containers[${container.name ?? 0}].env: ${name} has a value and a value_source; it takes one of them.`,
        )
      if (['PORT', 'K_SERVICE', 'K_REVISION', 'K_CONFIGURATION'].includes(name)) {
        throw invalidArgument(
          `template.containers[${container.name ?? 0}].env: The following reserved env names were provided: ${name}. These values are automatically set by the system.`,
        )
      }
    }
  }
}

/** @throws INVALID_ARGUMENT that names field and value. */
export function checkService(id: string, body: Partial<ServiceResource>): void {
  const { template } = body
  checkResource('service_id', id, template)
  for (const target of body.traffic ?? []) {
    if (target.type !== LATEST || target.percent !== 100 || target.tag)
      throw invalidArgument(
        `traffic: the local cloud runs the newest revision alone, so it takes one target of type ${LATEST} and percent 100, not ${JSON.stringify(target)}.`,
      )
  }
  if (body.ingress !== undefined && !ingresses.includes(body.ingress))
    throw invalidArgument(`ingress: "${body.ingress}" is not one of ${ingresses.join(', ')}.`)
  const { containers } = template!
  const withPort = containers.filter(({ ports }) => (ports?.length ?? 0) > 0)
  if (containers.length > 1 && withPort.length !== 1) {
    throw invalidArgument('template.containers: exactly one of several containers must have a port.')
  }
  if (withPort.some(({ ports }) => ports?.some(({ name }) => name === 'h2c')))
    throw invalidArgument(
      'template.containers.ports.name: the local cloud hands gRPC on as HTTP/2 and everything else as HTTP/1.1, as Cloud Run does with http1, and never all as HTTP/2: name the port http1.',
    )
  const concurrency = template!.maxInstanceRequestConcurrency ?? 80
  if (concurrency < 1 || concurrency > limits.concurrency) {
    throw invalidArgument(
      `template.max_instance_request_concurrency: ${concurrency} must be between 1 and ${limits.concurrency}.`,
    )
  }
  const { minInstanceCount: min = 0, maxInstanceCount: max = 0 } = template!.scaling ?? {}
  if (min < 0 || max < 0 || (max > 0 && min > max))
    throw invalidArgument(
      `template.scaling: min_instance_count ${min} must be from 0 to max_instance_count, which is ${max || 'not set'}.`,
    )
  const timeoutMs = timeoutOf(template!)
  if (!(timeoutMs > 0 && timeoutMs <= limits.timeoutMs))
    throw invalidArgument(`template.timeout: "${template!.timeout}" must be above 0s and at most 3600s.`)
}

/** In Cloud Run's words, which write the permission in lower case. */
export const actAsRefusal = (account: string): string =>
  `Permission 'iam.serviceaccounts.actAs' denied on service account ${account} (or it may not exist).`

/**
 * Without this check, a service with the account name `owner` would get the permissions of the local cloud's owner.
 * @throws INVALID_ARGUMENT for an account outside the project, PERMISSION_DENIED for a missing one.
 */
export function checkAccount(
  { serviceAccount }: Template,
  { project, resourceExists }: Pick<CloudContext, 'project' | 'resourceExists'>,
): void {
  if (!serviceAccount) return
  const domain = `${project.id}.iam.gserviceaccount.com`
  if (!serviceAccount.endsWith(`@${domain}`)) {
    throw invalidArgument(
      `template.service_account: "${serviceAccount}" is not the e-mail of a service account of ${project.id}, like NAME@${domain}.`,
    )
  }
  if (resourceExists(`projects/${project.id}/serviceAccounts/${serviceAccount}`) === false)
    throw new StatusError('PERMISSION_DENIED', actAsRefusal(serviceAccount))
}

export const timeoutOf = ({ timeout = '300s' }: Template): number => Number(timeout.replace(/s$/, '')) * 1000

/** Of this generation of a service or a worker pool. */
export const revisionName = (id: string, generation: number, { newId }: Pick<CloudContext, 'newId'>): string =>
  `${id}-${String(generation).padStart(5, '0')}-${newId().slice(0, 3)}`

/** The container that takes requests: the only one, or the container with a port. */
export const servingContainer = ({ containers }: Template): Container =>
  containers.find(({ ports }) => (ports?.length ?? 0) > 0) ?? containers[0]!

/** Whether the container that takes requests would be another program, or the same with another environment. */
export function startsAnotherProgram(
  after: Pick<Partial<ServiceResource>, 'template'>,
  before: Pick<Partial<ServiceResource>, 'template'> = {},
): boolean {
  const program = ({ template }: Pick<Partial<ServiceResource>, 'template'>): object => {
    const {
      command = [],
      args = [],
      env = [],
    } = template?.containers?.length ? servingContainer(template) : noContainer
    return { command, args, env }
  }
  return !isDeepStrictEqual(program(after), program(before))
}

const noContainer: Container = { image: '' }

/**
 * Whether its instances have CPU during requests only. Without `resources` they have; with them, `cpuIdle` is false unless it
 * is given: https://cloud.google.com/run/docs/reference/rest/v2/Container#ResourceRequirements
 */
export const hasRequestBilling = ({ template }: Pick<ServiceResource, 'template'>): boolean =>
  template.containers.every(
    ({ resources }) => resources === undefined || (resources as { cpuIdle?: boolean }).cpuIdle === true,
  )
