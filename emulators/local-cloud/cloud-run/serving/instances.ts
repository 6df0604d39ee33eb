/**
 * The instances of one service, as Cloud Run scales them: a request takes a place of one; where none is free another instance
 * starts, up to the maximum, and beyond that requests wait in a queue. What the requests of some time did not need is stopped.
 */

import type { Clock, Timer } from '../../core/clock.ts'
import type { Instance } from '../process/process.ts'
import { limits } from '../values/limits.ts'
import type { Exchange } from './exchange.ts'
import type { InstanceMeter } from './meter.ts'

export interface Scale {
  /** Requests that an instance takes at a time. */
  readonly concurrency: number
  readonly minimum: number
  readonly maximum: number
}

export interface InstancesOptions {
  readonly clock: Clock
  scale(): Scale
  start(): Promise<Instance>
  meter(): InstanceMeter
  /** The time without need of it after which an instance stops. */
  readonly idleMs: number
  /** An instance has its first request, or has answered its last one. */
  setCpu(instance: Instance, given: boolean): void
}

/** Of a request in an instance, until its exchange closes or it is given back. */
export interface Place {
  readonly instance: Instance
  giveBack(): void
}

/**
 * `full`: the queue has no room; `disconnected`: the caller closed the connection first; `stopping`: the service is being
 * stopped; `failed`: no instance could be started.
 */
export type NoPlace = 'full' | 'disconnected' | 'stopping' | 'failed'

export interface Instances {
  take(exchange: Exchange): Promise<Place | NoPlace>
  /** The instances that are ready. */
  running(): readonly Instance[]
  /** The instances that have a request, those that end included. */
  busy(): readonly Instance[]
  /** All, those that start and those that end included. */
  list(): readonly ListedInstance[]
  readonly isStarting: boolean
  /** Requests that an instance has. */
  readonly active: number
  /** Requests that wait for a place. */
  readonly queued: number
  /** Starts the minimum, one at least. @throws Error of an instance that did not start */
  warm(): Promise<void>
  /** It gets no more requests, finishes those that it has, and ends. */
  retire(instance: Instance): Promise<void>
  /** All are retired; requests that wait get instances of the newest revision. */
  recycle(): Promise<void>
  /** Refuses all that wait, and starts no further instance. */
  close(): void
  /** Resolves when no instance has a request. */
  drained(): Promise<void>
}

export interface ListedInstance {
  /** `ending`: it gets no further request. */
  readonly state: 'starting' | 'ready' | 'ending'
  /** Absent: it starts. */
  readonly instance?: Instance
  /** The requests that it has. */
  readonly active: number
}

/** An instance, from the begin of its start. */
interface Member {
  readonly meter: InstanceMeter
  /** Absent: it starts. */
  instance?: Instance
  /** Rejects when the instance does not start. */
  ready: Promise<void>
  isRetired: boolean
  active: number
  /** The number of the last request that it took. */
  taken: number
  stopped?: Promise<void>
}

type Waiter = (result: Member | NoPlace) => void

export function createInstances({ clock, scale, start, meter, idleMs, setCpu }: InstancesOptions): Instances {
  /** In the order of their starts, without those that are retired. */
  const members: Member[] = []
  const leaving = new Map<Instance, Member>()
  const queue = new Set<Waiter>()
  /** By how many would remain: stops another one when so few have been enough for some time. */
  const surplus = new Map<number, Timer>()
  const onDrained: (() => void)[] = []
  let active = 0
  let taken = 0
  let isClosed = false

  /** The least busy one that has a free place, of several the one that has waited longest. */
  const free = (): Member | undefined => {
    const { concurrency } = scale()
    let best: Member | undefined
    for (const one of members) {
      if (!one.instance || one.instance.exited || one.active >= concurrency) continue
      if (!best || one.active < best.active || (one.active === best.active && one.taken < best.taken)) best = one
    }
    return best
  }
  const dropExited = (): void => {
    for (const one of members.filter(({ instance }) => instance?.exited)) void retire(one)
  }
  const place = (member: Member, exchange: Exchange): Place => {
    const instance = member.instance!
    let isHeld = true
    taken += 1
    member.taken = taken
    member.active += 1
    active += 1
    if (member.active === 1) {
      member.meter.busy()
      if (!member.isRetired) setCpu(instance, true)
    }
    const giveBack = (): void => {
      if (!isHeld) return
      isHeld = false
      member.active -= 1
      active -= 1
      if (member.active === 0) {
        member.meter.idle()
        // One that ends has CPU until it has.
        if (!member.isRetired) setCpu(instance, false)
      }
      seat()
      if (active === 0) for (const resolve of onDrained.splice(0)) resolve()
    }
    exchange.onClose(giveBack)
    review()
    return { instance, giveBack }
  }
  /** Requests that wait take the places that are free. */
  const seat = (): void => {
    for (const waiter of queue) {
      const member = free()
      if (!member) break
      waiter(member)
    }
    if (queue.size > 0) {
      dropExited()
      grow()
    }
    review()
  }
  const begin = (): Member => {
    const member: Member = { meter: meter(), ready: Promise.resolve(), isRetired: false, active: 0, taken: 0 }
    members.push(member)
    member.ready = start().then(
      (instance) => {
        member.instance = instance
        if (member.isRetired) return void stop(member)
        seat()
        if (member.active > 0) return
        member.meter.idle()
        setCpu(instance, false)
      },
      (error: unknown) => {
        void retire(member)
        // Requests that may get another instance, which runs or still starts, go on waiting.
        if (members.length === 0) for (const waiter of queue) waiter('failed')
        throw error
      },
    )
    member.ready.catch(() => {})
    return member
  }
  /** Starts what the queue needs. */
  const grow = (): void => {
    if (isClosed) return
    const { concurrency, minimum, maximum } = scale()
    const starting = members.filter(({ instance }) => !instance).length
    const needed = members.length - starting + Math.ceil(queue.size / concurrency)
    const wanted = Math.min(Math.max(needed, minimum), maximum)
    while (members.length < wanted) begin()
  }
  /** Sets a timer for each instance that the requests do not need now, and takes back those of the others. */
  const review = (): void => {
    const { concurrency, minimum } = scale()
    const needed = isClosed
      ? members.length
      : Math.max(minimum, Math.ceil((members.reduce((sum, one) => sum + one.active, 0) + queue.size) / concurrency))
    for (const [count, timer] of surplus) {
      if (count >= needed && count < members.length) continue
      timer.cancel()
      surplus.delete(count)
    }
    for (let count = needed; count < members.length; count++) {
      if (surplus.has(count)) continue
      const timer = clock.at(clock.now() + idleMs, () => {
        surplus.delete(count)
        const idlest = members.toReversed().toSorted((one, other) => one.active - other.active)[0]
        if (idlest) void retire(idlest)
      })
      surplus.set(count, timer)
    }
  }
  const stop = (member: Member): Promise<void> => {
    const instance = member.instance!
    leaving.set(instance, member)
    member.stopped ??= instance.stop().finally(() => leaving.delete(instance))
    return member.stopped
  }
  const retire = async (member: Member): Promise<void> => {
    if (!member.isRetired) {
      member.isRetired = true
      members.splice(members.indexOf(member), 1)
      member.meter.ends()
      review()
    }
    if (member.instance) await stop(member)
  }

  return {
    take(exchange) {
      // It closed before this listener was added.
      if (exchange.isClosed) return Promise.resolve('disconnected')
      if (isClosed) return Promise.resolve('stopping')
      dropExited()
      const member = free()
      if (member) {
        grow()
        return Promise.resolve(place(member, exchange))
      }
      if (queue.size >= limits.queuedRequests + places(scale(), members)) return Promise.resolve('full')
      const { promise, resolve } = Promise.withResolvers<Place | NoPlace>()
      const onDisconnect = (): void => waiter('disconnected')
      const waiter: Waiter = (result) => {
        queue.delete(waiter)
        exchange.offClose(onDisconnect)
        resolve(typeof result === 'string' ? result : place(result, exchange))
      }
      queue.add(waiter)
      exchange.onClose(onDisconnect)
      grow()
      review()
      return promise
    },
    running: () => members.flatMap(({ instance }) => (instance && !instance.exited ? [instance] : [])),
    busy: () =>
      [...members, ...leaving.values()].flatMap(({ instance, active: has }) =>
        instance && has > 0 && !instance.exited ? [instance] : [],
      ),
    list: () =>
      [...members, ...leaving.values()]
        .filter(({ instance }) => !instance?.exited)
        .map(({ instance, isRetired, active: has }) => ({
          state: isRetired ? 'ending' : instance ? 'ready' : 'starting',
          active: has,
          ...(instance ? { instance } : {}),
        })),
    get isStarting() {
      return members.some(({ instance }) => !instance)
    },
    get active() {
      return active
    },
    get queued() {
      return queue.size
    },
    async warm() {
      for (;;) {
        if (isClosed) throw new Error('The service is being stopped.')
        dropExited()
        grow()
        if (members.length === 0) begin()
        const started = [...members]
        await Promise.all(started.map(({ ready }) => ready))
        if (started.some(({ isRetired }) => !isRetired)) return
      }
    },
    async retire(instance) {
      const member = members.find((one) => one.instance === instance) ?? leaving.get(instance)
      if (member) await retire(member)
    },
    async recycle() {
      const leavers = [...members]
      const stopped = leavers.map(retire)
      grow()
      await Promise.all([...stopped, ...leavers.map(({ ready }) => ready.catch(() => {}))])
      await Promise.all([...leaving.values()].map(async (one) => one.stopped))
    },
    close() {
      isClosed = true
      for (const waiter of queue) waiter('stopping')
      review()
    },
    drained: () => (active === 0 ? Promise.resolve() : new Promise((resolve) => void onDrained.push(resolve))),
  }
}

/** Requests that wait for an instance that starts are not beyond what the service takes. */
const places = ({ concurrency }: Scale, members: readonly Member[]): number =>
  concurrency * members.filter(({ instance }) => !instance).length
