/** The headers of an attempt: the target's own allowed headers, and those that Cloud Scheduler adds about the job. */
// https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#HttpTarget

import type { JobRecord } from '../values/records.ts'

/** Computed, or Google's own: a target's say does not count. */
const IGNORED = /^(host|content-length|user-agent|x-google-.*|x-appengine-.*|x-cloudscheduler.*)$/i

/** Names in lower case: a header that differs by its spelling alone would be sent twice. */
export function attemptHeaders({ name, target }: JobRecord, scheduledMs: number, token?: string) {
  const own = Object.entries(target.headers)
    .filter(([header]) => !IGNORED.test(header))
    .map(([header, value]) => [header.toLowerCase(), value])
  return {
    ...(target.body === '' ? {} : { 'content-type': 'application/octet-stream' }),
    ...Object.fromEntries(own),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    'user-agent': 'Google-Cloud-Scheduler',
    'x-cloudscheduler': 'true',
    'x-cloudscheduler-jobname': name.split('/').at(-1)!,
    'x-cloudscheduler-scheduletime': new Date(scheduledMs).toISOString().replace('.000Z', 'Z'),
  } as Record<string, string>
}
