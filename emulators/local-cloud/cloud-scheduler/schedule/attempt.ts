/** One attempt of a job: its HTTP request, and the status that Google would record. */

import { callTarget } from '../../core/http-target.ts'
import type { CloudContext } from '../../core/plugin.ts'
import { codes } from '../../core/status.ts'
import type { JobRecord } from '../values/records.ts'
import { attemptHeaders } from './headers.ts'

export type Status = NonNullable<JobRecord['status']>

const codeOf: Readonly<Record<number, keyof typeof codes>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}
const status = (code: keyof typeof codes, message: string): Status => ({ code: codes[code][0], message })

/** Never throws: without an answer the status says why none came. `stop` ends the attempt. */
export async function attempt(
  context: CloudContext,
  job: JobRecord,
  { scheduledMs, number, stop }: { scheduledMs: number; number: number; stop: AbortSignal },
): Promise<Status> {
  const { target, deadlineMs } = job
  const late = new AbortController()
  const deadline = context.clock.at(context.clock.now() + deadlineMs, () =>
    late.abort(new Error(`No answer came within the attempt deadline of ${deadlineMs / 1000}s.`)),
  )
  context.count('scheduler.attempts')
  const { answer, result } = await send(context, job, scheduledMs, AbortSignal.any([late.signal, stop])).catch(
    (error: unknown) => ({
      answer: 0,
      result: status(late.signal.aborted ? 'DEADLINE_EXCEEDED' : 'UNAVAILABLE', reasonOf(error)),
    }),
  )
  deadline.cancel()
  context.logRequest({
    timeMs: context.clock.now(),
    kind: 'schedule',
    resource: job.name,
    target: target.url,
    status: answer,
    ...(answer === 0 ? { reason: result.message } : {}),
    attempt: number,
    ...(target.oidc ? { email: target.oidc.email } : {}),
  })
  return result
}

async function send(context: CloudContext, job: JobRecord, scheduledMs: number, signal: AbortSignal) {
  const { status: answer } = await callTarget(context, job.target, attemptHeaders(job, scheduledMs), signal)
  if (answer >= 200 && answer < 300) return { answer, result: { code: 0, message: '' } }
  return { answer, result: status(codeOf[answer] ?? 'UNKNOWN', `The target answered with HTTP status ${answer}.`) }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
