/** The rows of `npm run services`, one for each instance of a service or worker pool, and the circuits that a service has logged. */

import type { ServiceReport } from 'local-google-cloud/cloud-run'

/** Callee → the state of the circuit before it, unless it is closed. */
export type Circuits = Readonly<Record<string, string>>

type Reported = ServiceReport & { readonly circuits: Circuits }
type Instance = ServiceReport['instances'][number]
type Row = Readonly<Record<string, string | number>>

export function instanceRows({ service, state, revision, address, waiting, instances, circuits }: Reported): Row[] {
  const common = { service, address: address ?? '', waiting: address === undefined ? ('' as const) : waiting }
  if (instances.length === 0) return [row({ ...common, revision, state, circuits: '' }, undefined)]
  return instances.map((instance) => {
    const of = {
      revision: instance.revision ?? revision,
      state: instance.state,
      circuits: circuitsOf(instance, circuits),
    }
    return row({ ...common, ...of }, instance)
  })
}

/** One that is ready has none that is open; of one that says nothing else, nothing is known. */
function circuitsOf(instance: Instance, circuits: Circuits): string {
  const health = healthOf(instance)
  if (health === 'ready') return 'closed'
  if (health !== 'degraded') return ''
  const open = Object.entries(circuits).map(([callee, circuit]) => `${callee} ${circuit}`)
  // The log in which it stood has been rotated.
  return open.join(', ') || 'open'
}

const row = (
  {
    service,
    state,
    revision,
    address,
    waiting,
    circuits,
  }: Readonly<Record<'service' | 'state' | 'revision' | 'address' | 'circuits', string>> & {
    readonly waiting: number | ''
  },
  instance: Instance | undefined,
): Row => ({
  service,
  revision,
  state,
  pid: instance?.pid ?? '',
  requests: instance?.active ?? '',
  waiting,
  health: healthOf(instance),
  circuits,
  address,
})

export function healthOf(instance: Instance | undefined): string {
  const health = instance?.health
  if (health === undefined) return ''
  if (typeof health === 'string') return 'no answer'
  return (parsed(health.text) as { readonly status?: string } | undefined)?.status ?? `status ${health.status}`
}

/** As the last line about each callee says. @param since The lines before it, ISO 8601, are left out. */
export function circuitsIn(lines: readonly string[], since = ''): Circuits {
  const states = new Map<string, string>()
  for (const line of lines) {
    if (!line.includes('"circuit.changed"')) continue
    const { message, callee, state, time } = (parsed(line) ?? {}) as Readonly<Record<string, unknown>>
    if (message !== 'circuit.changed' || typeof callee !== 'string' || typeof state !== 'string') continue
    if (String(time) < since) continue
    if (state === 'closed') states.delete(callee)
    else states.set(callee, state)
  }
  return Object.fromEntries(states)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
