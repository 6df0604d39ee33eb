/** The burst: customers order continuously while each service is hit at one kill point after the other. */

import { vaultOf } from '../../../functions/customers/contracts.ts'
import type { FaultEvent, RequestLogEntry } from 'local-google-cloud'
import { services } from '../../../functions/index.ts'
import { jobName, queueName } from '../../../shared/base/names.ts'
import { openReceiver } from '../../../shared/http/receiver.testing.ts'
import { isScheduled } from '../../../shared/service/service.ts'
import type { TestPlatform } from '../../support/platform.ts'
import { type KillPoint, mayBeOfRequest, mustBeRepeated, nameOf, PAUSED_MS, ruleFor } from './kill-points.testing.ts'
import { sendCommand } from './send-command.testing.ts'
import { type RetryingClients, retryingClients } from './retrying-clients.testing.ts'

/** The consequences of one hit. */
export interface Hit {
  readonly point: KillPoint
  readonly firing: FaultEvent
  /** From the injection of the fault until a call reached it. */
  readonly waitedMs: number
  /** Until the service had accepted a request again. */
  readonly recoveredMs: number
  /** Deliveries to the service that failed then, and were acknowledged at their redelivery. */
  readonly repeated: number
  /** Deliveries that failed then and were never acknowledged. */
  readonly lost: number
  /** Requests of clients that failed then, and were sent again. */
  readonly retried: number
}

export type HitTimes = Pick<Hit, 'point' | 'firing' | 'waitedMs' | 'recoveredMs'>

export interface Burst {
  readonly customers: RetryingClients
  /** Until every point has been hit and that many orders are placed. */
  run(points: readonly KillPoint[], orders: number): Promise<void>
  /** The consequences of each hit by the request log. */
  hits(): Hit[]
  /** Kill points that were not reached, or whose service has not recovered. */
  pending(): readonly string[]
}

/** A point that no request reaches within this time is reported by name. */
const HIT_TIMEOUT_MS = 300_000
const POLL_INTERVAL_MS = 50
const LOGGED_MS = 1_000
/** Each run reads the records of all orders. */
const SCHEDULED_EVERY_MS = 1_000
/** No further job while so many commands of its service wait: on a slow machine runs would pile up, and not end in time. */
const MAX_WAITING = 3
const clocked: readonly string[] = services.filter(isScheduled).map(({ name }) => name)
const CUSTOMERS = 6
/** After so long without a hit, customers place orders beyond the quota of the hits. */
const DRIP_MS = 1_000
/** Its killed transactions keep their locks for a minute, so it is hit last: other services would wait for its orders. */
const LOCKING = 'inventory'
const SKU_WITHOUT_STOCK = 'NO-STOCK'

export interface BurstOptions {
  /** Several products, so that the locks of a killed transaction do not block all orders (default 12). */
  readonly products?: number
  /** Called when the service has recovered. */
  onHit?(hit: HitTimes): void
}

/** Creates products and starts customers; reports each hit. */
export async function startBurst(
  platform: TestPlatform,
  { products = 12, onHit = () => {} }: BurstOptions = {},
): Promise<Burst> {
  const { cloud, run } = platform
  const customers = retryingClients(platform)
  const fired: HitTimes[] = []
  const pending = new Set<string>()
  let ordered = 0
  let sold = 0

  await customers.publishProducts([
    { sku: SKU_WITHOUT_STOCK, unitMinor: 100, stock: 0 },
    ...Array.from({ length: products }, (_, index) => ({ sku: `TEA-${index}`, unitMinor: 100 + index, stock: 1_000 })),
  ])

  // Without an endpoint there is nothing to send, and no point to hit.
  await customers.registerWebhook((await openReceiver()).url)

  const goodsOf = (index: number) => ({ sku: `TEA-${index % products}`, quantity: 1 + (index % 3) })

  /** One in eight has a stolen card, one in eight is cancelled, one in eight pays with a second card, one in twelve orders a product without stock. */
  const orderOne = async (): Promise<void> => {
    const index = ordered++
    const isStolen = index % 8 === 3
    const isDeclined = index % 8 === 1
    const isCancelled = index % 8 === 6
    const orderId = await customers.placeOrder({
      ...goodsOf(index),
      ...(index % 12 === 5 ? { sku: SKU_WITHOUT_STOCK } : {}),
      card: isStolen
        ? 'card-stolen'
        : isDeclined
          ? 'card-declined'
          : isCancelled && index % 16 === 6
            ? 'card-action-required'
            : 'card-ok',
      isCancelled,
    })
    // Send the compensation a second time, as after a lost reply: only then does payments send a command.
    if (isStolen)
      await sendCommand(platform, {
        type: 'VoidPayment',
        from: 'orders',
        to: 'payments',
        subject: orderId,
        data: { orderId },
      })
  }

  /** A customer adds and withdraws an address; the erasure of a month later is requested at once. */
  const withdrawOne = async (): Promise<void> => {
    const { sub, addressRef } = await customers.withdrawNewAddress()
    const vault = vaultOf(sub)
    const data = { vault, kind: 'addresses', ref: addressRef, withdrawnBy: new Date().toISOString() }
    await sendCommand(platform, { type: 'EraseWithdrawn', from: 'customers', to: 'customers', subject: vault, data })
  }

  /** A cancellation without a shipment: shipping decides it in any case, whatever race the others win. */
  const cancelOne = async (): Promise<void> => {
    const orderId = await customers.placeOrder({ sku: SKU_WITHOUT_STOCK, quantity: 1, card: 'card-ok' })
    const lines = [{ lineId: '1', sku: SKU_WITHOUT_STOCK, quantity: 1 }]
    const data = { orderId, cancellationId: crypto.randomUUID(), lines }
    await sendCommand(platform, { type: 'CancelShipments', from: 'orders', to: 'shipping', subject: orderId, data })
  }

  /** Waits until the next process, or the paused one after its resumption, has accepted a request. */
  const back = async ({ service, signal }: KillPoint, { pid, timeMs }: FaultEvent): Promise<void> => {
    const hasRecovered = (): boolean =>
      signal === 'SIGSTOP'
        ? Date.now() >= timeMs + PAUSED_MS
        : run.processes().some((one) => one.service === service && one.pid !== pid)
    await until(hasRecovered)
    const sinceMs = Date.now()
    const took = ({ kind, resource, status, timeMs: thenMs }: RequestLogEntry): boolean =>
      kind === 'ingress' && resource === service && status < 400 && thenMs >= sinceMs
    await until(() => cloud.requestLog().some(took))
  }

  /** Hits the points one after the other, each after the service has recovered from the last. */
  const campaign = async (points: readonly KillPoint[]): Promise<void> => {
    for (const point of points) {
      const injectedMs = Date.now()
      const { id } = cloud.faults.add(ruleFor(point))
      pending.add(nameOf(point))
      const firing = await within(HIT_TIMEOUT_MS, nameOf(point), cloud.faults.whenFired(id))
      await within(HIT_TIMEOUT_MS, `the recovery of ${nameOf(point)}`, back(point, firing))
      pending.delete(nameOf(point))
      const { timeMs } = firing
      const hit = { point, firing, waitedMs: timeMs - injectedMs, recoveredMs: Date.now() - timeMs }
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
        while (hitting) await customers.publishProducts([{ sku: `NEW-${(sold += 1)}`, unitMinor: 500, stock: 10 }])
      }
      const withdrawing = async (): Promise<void> => {
        while (hitting) await withdrawOne()
      }
      const refunding = async (): Promise<void> => {
        while (hitting) await customers.refundOrder({ ...goodsOf(ordered++), card: 'card-ok' })
      }
      const recapturing = async (): Promise<void> => {
        while (hitting) await customers.recaptureOrder(goodsOf(ordered++))
      }
      const cancelling = async (): Promise<void> => {
        while (hitting) await cancelOne()
      }
      const isHit = (point: KillPoint): boolean => fired.some((one) => one.point === point)
      const ofClocked = points.filter(({ service }) => clocked.includes(service))
      /** Only the clock calls a service with schedules: its jobs run again and again, until its points are hit. */
      const scheduling = async (): Promise<void> => {
        const { projectId, region } = platform.running
        while (hitting && !ofClocked.every(isHit)) {
          const at = `projects/${projectId}/locations/${region}`
          for (const { name, schedules } of services.filter(isScheduled)) {
            const path = `/v2/${at}/queues/${queueName(name)}/tasks`
            const { tasks = [] } = (await platform.cloud.api('GET', path)) as { readonly tasks?: readonly unknown[] }
            if (tasks.length >= MAX_WAITING) continue
            for (const schedule of Object.keys(schedules))
              await platform.cloud.api('POST', `/v1/${at}/jobs/${jobName(name, schedule)}:run`, {})
          }
          await new Promise((resolve) => setTimeout(resolve, SCHEDULED_EVERY_MS))
        }
      }
      const some = (about: string): boolean => points.some((point) => point.about === about)
      const byService = [...Map.groupBy(points, ({ service }) => service).values()]
      const locks = ([first]: readonly KillPoint[]): boolean => first?.service === LOCKING
      const hits = Promise.all(byService.filter((own) => !locks(own)).map(campaign))
        .then(() => Promise.all(byService.filter(locks).map(campaign)))
        .finally(() => (hitting = false))
      // Only requests of staff reach these services.
      const someServeStaff = points.some(
        ({ service, does }) =>
          service === 'gateway' || service === 'catalog' || (service === 'inventory' && does === 'send'),
      )
      const someOfTheVault = points.some(({ service }) => service === 'customers')
      await Promise.all([
        hits,
        ...(someServeStaff ? [staff()] : []),
        ...(ofClocked.length > 0 ? [scheduling()] : []),
        ...(someOfTheVault ? [withdrawing()] : []),
        ...(some('refund.issued') ? [refunding()] : []),
        ...(some('recapture.done') ? [recapturing()] : []),
        ...(some('shipment.cancel-decided') ? [cancelling()] : []),
        ...Array.from({ length: CUSTOMERS }, customer),
      ])
    },
    pending: () => [...pending],
    hits: () => fired.map((one) => ({ ...one, ...fate(one, platform, customers) })),
  }
}

/** Deliveries in flight at the service. */
function fate(
  { point, firing, recoveredMs }: HitTimes,
  platform: TestPlatform,
  { retries }: RetryingClients,
): Pick<Hit, 'repeated' | 'lost' | 'retried'> {
  // An instance beside it takes requests before the failure of those of the killed one is logged.
  const untilMs = firing.timeMs + Math.max(recoveredMs, LOGGED_MS)
  const then = (timeMs: number): boolean => timeMs >= firing.timeMs && timeMs <= untilMs
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

/** The target service of a push or task. */
export function receiverOf({ kind, resource }: RequestLogEntry): string | undefined {
  const name = resource.split('/').at(-1)!
  if (kind === 'push') return name.split('.')[0]
  return kind === 'task' ? name : undefined
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS))

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause()
}

async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timeout: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timeout = setTimeout(() => reject(new Error(`"${what}" did not happen within ${ms / 1000} s.`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timeout))
}

/** Reports hits without their required consequence: a redelivery if they interrupted a delivery, otherwise no lost one. */
export function unrepeated(hits: readonly Hit[]): string[] {
  const single = hits.flatMap(({ point, lost, repeated, retried }) => {
    if (lost > 0) return [`${nameOf(point)}: ${lost} deliveries were never acknowledged`]
    const again = repeated + (mayBeOfRequest(point) ? retried : 0)
    return mustBeRepeated(point) && again === 0 ? [`${nameOf(point)}: nothing was repeated`] : []
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
