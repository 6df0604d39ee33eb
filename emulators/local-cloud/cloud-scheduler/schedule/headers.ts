/** The headers of an attempt that Cloud Scheduler adds about the job. */
// https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#HttpTarget

import type { CallHeaders } from '../../core/http-target.ts'
import type { JobRecord } from '../values/records.ts'

export const attemptHeaders = ({ name, target }: JobRecord, scheduledMs: number): CallHeaders => ({
  reserved: /^x-cloudscheduler/i,
  defaults: target.body === '' ? {} : { 'content-type': 'application/octet-stream' },
  added: {
    'user-agent': 'Google-Cloud-Scheduler',
    'x-cloudscheduler': 'true',
    'x-cloudscheduler-jobname': name.split('/').at(-1)!,
    'x-cloudscheduler-scheduletime': new Date(scheduledMs).toISOString().replace('.000Z', 'Z'),
  },
})
