/**
 * Ends an instance that no longer answers its liveness probe, as Cloud Run does: https://cloud.google.com/run/docs/configuring/healthchecks
 * An instance is probed while it has a request: one without harms none, and a laptop at rest does nothing.
 */

import type { Clock, Timer } from '../../core/clock.ts'
import type { Instance } from '../process/process.ts'
import { servingContainer, type ServiceResource } from '../values/service.ts'

/** Cloud Run's own, where the probe names none. */
const PERIOD_SECONDS = 10
const TIMEOUT_SECONDS = 1
const FAILURES = 3

interface LivenessOptions {
  readonly clock: Clock
  resource(): ServiceResource
  /** The instances that have a request. */
  busy(): readonly Instance[]
  /** The instance has failed: its requests end with it. */
  end(instance: Instance): void
}

export interface Liveness {
  /** An instance has a request. */
  begin(): void
  stop(): void
}

export function watchLiveness({ clock, resource, busy, end }: LivenessOptions): Liveness {
  let failures = new Map<Instance, number>()
  let timer: Timer | undefined
  let isStopped = false

  const probeOf = () => servingContainer(resource().template).livenessProbe

  const check = async (): Promise<void> => {
    const { httpGet, timeoutSeconds = TIMEOUT_SECONDS, failureThreshold = FAILURES } = probeOf() ?? {}
    const path = httpGet?.path
    if (path === undefined) return
    const failed = new Map<Instance, number>()
    await Promise.all(
      busy().map(async (instance) => {
        const answer = await instance.get(path, timeoutSeconds * 1_000)
        if (typeof answer === 'object' && answer.status >= 200 && answer.status < 400) return
        const count = (failures.get(instance) ?? 0) + 1
        if (count < failureThreshold) failed.set(instance, count)
        else if (!instance.exited) end(instance)
      }),
    )
    failures = failed
  }
  const begin = (): void => {
    const probe = probeOf()
    if (timer || isStopped || !probe?.httpGet) return
    timer = clock.at(clock.now() + (probe.periodSeconds ?? PERIOD_SECONDS) * 1_000, () => {
      void check().finally(() => {
        timer = undefined
        if (busy().length > 0) begin()
      })
    })
  }

  return {
    begin,
    stop() {
      isStopped = true
      timer?.cancel()
    },
  }
}
