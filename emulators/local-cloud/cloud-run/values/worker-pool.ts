/** A worker pool of Cloud Run as the Admin API v2 describes it, as far as the local cloud runs it. */

import { z } from 'zod'
import { invalidArgument } from '../../core/status.ts'
import { checkResource, serviceSchema, type Template } from './service.ts'

export interface WorkerPoolResource {
  readonly name: string
  readonly generation: number
  readonly scaling: { readonly scalingMode?: string; readonly manualInstanceCount?: number }
  readonly instanceSplits?: readonly InstanceSplit[]
  readonly template: Template
  readonly latestReadyRevision: string
  readonly [other: string]: unknown
}

interface InstanceSplit {
  readonly type?: string
  readonly revision?: string
  readonly percent?: number
}

/** The shape of the fields that are read here; `checkWorkerPool` checks the values. */
export const workerPoolSchema = z.looseObject({
  scaling: z.looseObject({ scalingMode: z.string().optional(), manualInstanceCount: z.int().optional() }).optional(),
  instanceSplits: z
    .array(
      z.looseObject({ type: z.string().optional(), revision: z.string().optional(), percent: z.number().optional() }),
    )
    .optional(),
  template: serviceSchema.shape.template,
})

const LATEST = 'INSTANCE_SPLIT_ALLOCATION_TYPE_LATEST'
/** More processes than a laptop has use for. */
const MAX_INSTANCES = 20

/** @throws INVALID_ARGUMENT that names field and value. */
export function checkWorkerPool(id: string, body: Partial<WorkerPoolResource>): void {
  checkResource('worker_pool_id', id, body.template)
  const { scalingMode = 'MANUAL', manualInstanceCount } = body.scaling ?? {}
  if (scalingMode !== 'MANUAL')
    throw invalidArgument(
      `scaling.scaling_mode: the local cloud runs the instances that are set by hand, not "${scalingMode}".`,
    )
  if (manualInstanceCount === undefined || manualInstanceCount < 0 || manualInstanceCount > MAX_INSTANCES)
    throw invalidArgument(
      `scaling.manual_instance_count: ${manualInstanceCount ?? 'none'} must be between 0 and ${MAX_INSTANCES} in the local cloud.`,
    )
  for (const split of body.instanceSplits ?? [])
    if (split.type !== LATEST || split.percent !== 100)
      throw invalidArgument(
        `instance_splits: the local cloud runs the newest revision alone, so it takes one split of type ${LATEST} and percent 100, not ${JSON.stringify(split)}.`,
      )
}
