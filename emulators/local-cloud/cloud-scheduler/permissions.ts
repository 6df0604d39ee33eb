/** The permission that each method of Cloud Scheduler requires: https://cloud.google.com/scheduler/docs/access-control */

import { actsAs, permissionsOn, projectOf } from '../core/access/required.ts'
import type { RequiredPermission, ServiceAccess } from '../core/service.ts'
import type { WireJob } from './values/proto-codec.ts'

interface Named {
  readonly name?: string
}
interface OfParent {
  readonly parent?: string
}

const on = permissionsOn('cloudscheduler')
/** Jobs have no policies of their own: their project's counts. */
const ofJob =
  (permission: string) =>
  ({ name = '' }: Named): RequiredPermission[] => [on(permission, projectOf(name))]
const written = (permission: string, name: string, job?: WireJob | null): RequiredPermission[] => [
  on(permission, projectOf(name)),
  ...actsAs(job?.httpTarget?.oidcToken?.serviceAccountEmail, projectOf(name)),
]

export const schedulerAccess: ServiceAccess = {
  refusal: ({ permission, resource }) =>
    `The principal (user or service account) lacks IAM permission "${permission}" for the resource "${
      // An account is named by its e-mail alone.
      resource.replace(/^.*\/serviceAccounts\//, '')
    }" (or the resource may not exist).`,
  domain: 'cloudscheduler.googleapis.com',
  methods: {
    createJob: ({ parent = '', job }: OfParent & { job?: WireJob | null }) => written('jobs.create', parent, job),
    updateJob: ({ job }: { job?: WireJob | null }) => written('jobs.update', job?.name ?? '', job),
    getJob: ofJob('jobs.get'),
    listJobs: ({ parent = '' }: OfParent) => [on('jobs.list', projectOf(parent))],
    deleteJob: ofJob('jobs.delete'),
    pauseJob: ofJob('jobs.pause'),
    resumeJob: ofJob('jobs.enable'),
    runJob: ofJob('jobs.run'),
  },
}
