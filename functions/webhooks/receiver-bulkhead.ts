/** Which attempts an instance makes beside each other, so that slow receivers take no places from quick ones. No clock, no I/O. */

/** An answer that took longer makes its receiver a slow one, until a quicker answer. */
export const QUICK_MS = 1_000
/** Beside each other at one endpoint. The first answer that an instance gets from it decides. */
export const MAX_OF_ENDPOINT = { quick: 8, untried: 1, slow: 1 } as const
export type Speed = keyof typeof MAX_OF_ENDPOINT
/** At all endpoints of one customer, who has five: two that hang leave none of its places to the others. */
export const MAX_OF_CUSTOMER = 16
/**
 * At all untried endpoints, and at all slow ones, which may last two and ten seconds: an instance has 80 places, and the queue 200.
 * Apart, so that a receiver that is tried for the first time waits for none that is known as slow.
 */
export const MAX_OF_SPEED = { quick: Infinity, untried: 24, slow: 24 } as const
/** Endpoints whose last answer an instance knows. */
const MAX_KNOWN = 10_000

export interface Receiver {
  readonly endpointId: string
  readonly customer: string
  /** Its last attempts failed. */
  readonly isFailing: boolean
  /** It gave no answer in time to what it gets now. Of such there is one beside each other at an endpoint. */
  readonly hangs?: boolean
}

export interface ReceiverBulkhead {
  /** Without `leave` the attempt comes later. */
  enter(receiver: Receiver): { readonly speed: Speed; readonly leave?: Leave }
  /** An answer of the endpoint, whatever it was for. */
  answered(endpointId: string, tookMs: number): void
}
/** Once, with the time that the answer took; undefined: it failed. */
export type Leave = (tookMs: number | undefined) => void

export function createReceiverBulkhead(): ReceiverBulkhead {
  const known = new Map<string, Speed>()
  const inUse = new Map<string, number>()
  const count = (key: string, by: number): void => {
    const after = (inUse.get(key) ?? 0) + by
    if (after > 0) inUse.set(key, after)
    else inUse.delete(key)
  }
  const isFree = (key: string, most: number): boolean => (inUse.get(key) ?? 0) < most
  const remember = (endpointId: string, speed: Speed): void => {
    known.delete(endpointId)
    known.set(endpointId, speed)
    if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!)
  }
  const answered = (endpointId: string, tookMs: number): void =>
    remember(endpointId, tookMs > QUICK_MS ? 'slow' : 'quick')

  return {
    answered,
    enter({ endpointId, customer, isFailing, hangs = false }) {
      const ofEndpoint: Speed = isFailing ? 'slow' : (known.get(endpointId) ?? 'untried')
      const speed = hangs ? 'slow' : ofEndpoint
      const limits: readonly (readonly [key: string, most: number])[] = [
        [`endpoint ${endpointId}`, MAX_OF_ENDPOINT[ofEndpoint]],
        [`customer ${customer}`, MAX_OF_CUSTOMER],
        [speed, MAX_OF_SPEED[speed]],
        ...(hangs ? [[`hanging ${endpointId}`, MAX_OF_ENDPOINT.slow] as const] : []),
      ]
      if (!limits.every(([key, most]) => isFree(key, most))) return { speed }
      for (const [key] of limits) count(key, 1)
      const leave: Leave = (tookMs) => {
        for (const [key] of limits) count(key, -1)
        if (tookMs === undefined) remember(endpointId, 'slow')
        else answered(endpointId, tookMs)
      }
      return { speed, leave }
    },
  }
}
