/** The burst: customers order without a break while each service is hit at one of its points after the other. */

import { vaultOf } from '../../functions/customers/contracts.ts'
import type { FaultEvent, RequestLogEntry } from 'local-google-cloud'
import type { TestPlatform } from '../support/platform.ts'
import { type KillPoint, mustBeRepeated, nameOf, PAUSED_MS, ruleFor } from './kill-points.ts'
import { sendCommand } from './send-command.ts'
import { type Shopper, shopper } from './shopper.ts'

/** What became of one hit. */
export interface Hit {
  readonly point: KillPoint
  readonly firing: FaultEvent
  /** From when it was asked for until something came by there. */
  readonly waitedMs: number
  /** Until the service had taken a request again. */
  readonly recoveredMs: number
  /** Deliveries to the service that failed then, and were acknowledged when they came again. */
  readonly repeated: number
  /** Such that were never acknowledged. */
  readonly lost: number
  /** Requests of clients that failed then, and were sent again. */
  readonly retried: number
}

export type Hitting = Pick<Hit, 'point' | 'firing' | 'waitedMs' | 'recoveredMs'>

export interface Burst {
  readonly customers: Shopper
  /** Until every point has been hit and that many orders are placed. */
  run(points: readonly KillPoint[], orders: number): Promise<void>
  /** What the request log tells of each hit. */
  hits(): Hit[]
  /** Asked for, or not back yet. */
  underWay(): readonly string[]
}

/** A point that no request reaches within this time is reported by name. */
const HIT_TIMEOUT_MS = 300_000
const LOOK_EVERY_MS = 50
const CUSTOMERS = 6
/** Without a hit for so long, customers order more than the hits so far allow. */
const DRIP_MS = 1_000
/** Its killed transactions keep their locks for a minute: it comes last, or the services behind it would wait for orders. */
const LOCKING = 'inventory'
const NOBODY_HAS_IT = 'NOBODY-HAS-IT'

export interface BurstOptions {
  /** Several, so that the locks which a killed transaction leaves on one do not stop all orders (default 12). */
  readonly products?: number
  /** It is back. */
  onHit?(hit: Hitting): void
}

/** Opens a shop and names each hit as it comes. */
export async function startBurst(
  platform: TestPlatform,
  { products = 12, onHit = () => {} }: BurstOptions = {},
): Promise<Burst> {
  const { cloud, run } = platform
  const customers = shopper(platform)
  const fired: Hitting[] = []
  const underWay = new Set<string>()
  let ordered = 0
  let sold = 0

  await customers.sells([
    { sku: NOBODY_HAS_IT, unitMinor: 100, stock: 0 },
    ...Array.from({ length: products }, (_, index) => ({ sku: `TEA-${index}`, unitMinor: 100 + index, stock: 1_000 })),
  ])

  /** One in eight has a bad card, one in twelve orders a product without stock. */
  const orderOne = async (): Promise<void> => {
    const index = ordered++
    const isDeclined = index % 8 === 3
    const orderId = await customers.orders({
      sku: index % 12 === 5 ? NOBODY_HAS_IT : `TEA-${index % products}`,
      quantity: 1 + (index % 3),
      card: isDeclined ? 'card-declined' : 'card-ok',
    })
    // Once more, as the checkout does when an answer is lost: only then does payments send.
    if (isDeclined)
      await sendCommand(platform, {
        type: 'VoidPayment',
        from: 'orders',
        to: 'payments',
        subject: orderId,
        data: { orderId },
      })
  }

  /** A customer keeps an address and withdraws it; what the vault does a month later it is asked for at once. */
  const moveOne = async (): Promise<void> => {
    const { sub, addressRef } = await customers.moves()
    const vault = vaultOf(sub)
    const data = { vault, kind: 'addresses', ref: addressRef, withdrawnBy: new Date().toISOString() }
    await sendCommand(platform, { type: 'EraseWithdrawn', from: 'customers', to: 'customers', subject: vault, data })
  }

  /** A request was taken since: by the process that came after, or by the paused one when it went on. */
  const back = async ({ service, signal }: KillPoint, { pid, timeMs }: FaultEvent): Promise<void> => {
    const goesOn = (): boolean =>
      signal === 'SIGSTOP'
        ? Date.now() >= timeMs + PAUSED_MS
        : run.processes().some((one) => one.service === service && one.pid !== pid)
    await until(goesOn)
    const sinceMs = Date.now()
    const took = ({ kind, resource, status, timeMs: thenMs }: RequestLogEntry): boolean =>
      kind === 'ingress' && resource === service && status < 400 && thenMs >= sinceMs
    await until(() => cloud.requestLog().some(took))
  }

  /** Its points, one after the other: the next when the service has taken a request since the last. */
  const campaign = async (points: readonly KillPoint[]): Promise<void> => {
    for (const point of points) {
      const askedMs = Date.now()
      const { id } = cloud.faults.add(ruleFor(point))
      underWay.add(nameOf(point))
      const firing = await within(HIT_TIMEOUT_MS, nameOf(point), cloud.faults.whenFired(id))
      await within(HIT_TIMEOUT_MS, `the recovery of ${nameOf(point)}`, back(point, firing))
      underWay.delete(nameOf(point))
      const { timeMs } = firing
      const hit = { point, firing, waitedMs: timeMs - askedMs, recoveredMs: Date.now() - timeMs }
      fired.push(hit)
      onHit(hit)
    }
  }

  return {
    customers,
    async run(points, orders) {
      let hitting = true
      const enough = ordered + orders
      let allowed = ordered + CUSTOMERS
      let lastMs = Date.now()
      const mayOrder = (): boolean => {
        const share = CUSTOMERS + Math.ceil((fired.length / Math.max(1, points.length)) * orders)
        if (share > allowed || Date.now() - lastMs > DRIP_MS) {
          allowed = Math.max(share, allowed + 1)
          lastMs = Date.now()
        }
        return !hitting || ordered < allowed
      }
      const customer = async (): Promise<void> => {
        while (hitting || ordered < enough) {
          if (mayOrder()) await orderOne()
          else await pause()
        }
      }
      const staff = async (): Promise<void> => {
        while (hitting) await customers.sells([{ sku: `NEW-${(sold += 1)}`, unitMinor: 500, stock: 10 }])
      }
      const mover = async (): Promise<void> => {
        while (hitting) await moveOne()
      }
      const byService = [...Map.groupBy(points, ({ service }) => service).values()]
      const locks = ([first]: readonly KillPoint[]): boolean => first?.service === LOCKING
      const hits = Promise.all(byService.filter((own) => !locks(own)).map(campaign))
        .then(() => Promise.all(byService.filter(locks).map(campaign)))
        .finally(() => (hitting = false))
      // Only staff reach these.
      const someServeStaff = points.some(
        ({ service, does }) =>
          service === 'gateway' || service === 'catalog' || (service === 'inventory' && does === 'send'),
      )
      const someOfTheVault = points.some(({ service }) => service === 'customers')
      await Promise.all([
        hits,
        ...(someServeStaff ? [staff()] : []),
        ...(someOfTheVault ? [mover()] : []),
        ...Array.from({ length: CUSTOMERS }, customer),
      ])
    },
    underWay: () => [...underWay],
    hits: () => fired.map((one) => ({ ...one, ...fate(one, platform, customers) })),
  }
}

/** Of what the service had in its hands. */
function fate(
  { point, firing, recoveredMs }: Hitting,
  platform: TestPlatform,
  { retries }: Shopper,
): Pick<Hit, 'repeated' | 'lost' | 'retried'> {
  const then = (timeMs: number): boolean => timeMs >= firing.timeMs && timeMs <= firing.timeMs + recoveredMs
  const deliveries = platform.cloud.requestLog().filter((entry) => receiverOf(entry) === point.service)
  const failed = deliveries.filter(({ status, timeMs }) => !isSuccess(status) && then(timeMs))
  const again = failed.filter(({ resource, messageId, timeMs }) =>
    deliveries.some(
      (entry) =>
        entry.resource === resource &&
        entry.messageId === messageId &&
        entry.timeMs >= timeMs &&
        isSuccess(entry.status),
    ),
  )
  return { repeated: again.length, lost: failed.length - again.length, retried: retries.filter(then).length }
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** The service that a push or task went to. */
export function receiverOf({ kind, resource }: RequestLogEntry): string | undefined {
  const name = resource.split('/').at(-1)!
  if (kind === 'push') return name.split('.')[0]
  return kind === 'task' ? name : undefined
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause()
}

async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timeout: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timeout = setTimeout(() => reject(new Error(`Nothing came to "${what}" within ${ms / 1000} s.`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timeout))
}

/** What hits of this kind must have led to, and have not: a repeat where they broke something off, none where they did not. */
export function unrepeated(hits: readonly Hit[]): string[] {
  const single = hits.flatMap(({ point, lost, repeated }) => {
    if (lost > 0) return [`${nameOf(point)}: ${lost} deliveries were never acknowledged`]
    return mustBeRepeated(point) && repeated === 0 ? [`${nameOf(point)}: nothing was repeated`] : []
  })
  const killed = Map.groupBy(
    hits.filter(({ point }) => point.signal === 'SIGKILL'),
    ({ point }) => point.service,
  )
  const never = [...killed]
    .filter(([, own]) => own.every(({ repeated, retried }) => repeated + retried === 0))
    .map(([service]) => `${service}: nothing was ever repeated or sent again`)
  return [...single, ...never]
}
