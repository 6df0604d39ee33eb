/** The shop's values of the settings that its services read, and the goals of its objectives, in each environment. */

import type { Business, Deployment } from '../../shared/service/business.ts'
import type { EventDelivery } from '../../shared/service/service.ts'
import type { EdgeSettings } from '../gateway/settings.ts'
import type { Bounds, Charges } from '../orders/settings.ts'

/** The settings that differ between the environments. */
interface Figures {
  /** Delay between `order.confirmed` and `order.released`: the time in which orders alone decides a cancellation. */
  readonly releaseDelaySeconds: number
  readonly edge?: Partial<EdgeSettings>
  readonly placing?: Partial<Bounds>
  /** `required`: staff and importers who signed in without a second factor are refused. */
  readonly staffSecondFactor: 'required' | 'optional'
  /** Absent: public addresses by https alone. */
  readonly webhookTargets?: 'any'
  readonly ordersCompleted: number
  readonly placingAnswered: number
  readonly placingSeconds: number
  /** By service; absent: none. */
  readonly minInstances?: Readonly<Record<string, number>>
  /** By service: `pull` where an environment has so many orders that workers cost less than pushes (docs/scaling.md). */
  readonly delivery?: Readonly<Record<string, EventDelivery>>
}

type Limit = EdgeSettings['limits']['customer']

/** Each person of the staff is counted individually, whatever their role. */
const ofStaff = (limit: Limit): Record<'support' | 'warehouse' | 'admin', Limit> => ({
  support: limit,
  warehouse: limit,
  admin: limit,
})

const prod: Figures = {
  releaseDelaySeconds: 1800,
  staffSecondFactor: 'required',
  ordersCompleted: 0.995,
  placingAnswered: 0.999,
  placingSeconds: 2.5,
  // The services on the way of POST /v1/orders that reach others through the VPC: their start may take longer than the goal.
  minInstances: { gateway: 1, orders: 1 },
}

/** An environment without figures of its own has those of prod. */
const figures: Readonly<Record<string, Figures>> = {
  local: {
    releaseDelaySeconds: 0,
    webhookTargets: 'any',
    staffSecondFactor: 'required',
    // Tests and benchmarks place many orders as one customer; the limit of pieces is low enough to try out.
    placing: { ordersPerHour: 1_000_000, unpaidOrders: 250, unpaidPieces: 250, lapsedOrders: 25 },
    // All clients on a laptop share one address, and benchmarks use one customer.
    edge: {
      origins: ['http://127.0.0.1:5173', 'http://localhost:5173'],
      concurrentRequests: 68,
      signedRequests: 4,
      requestsPerAddress: 72,
      requestsPerCaller: 72,
      limits: {
        customer: { perSecond: 1_000, burst: 2_000 },
        ...ofStaff({ perSecond: 1_000, burst: 2_000 }),
        importer: { perSecond: 2_000, burst: 4_000 },
        address: { perSecond: 2_000, burst: 4_000 },
      },
    },
    ordersCompleted: 0.99,
    placingAnswered: 0.995,
    placingSeconds: 1,
  },
  // Scaled to zero, a first order waits for two services to start.
  dev: {
    releaseDelaySeconds: 60,
    staffSecondFactor: 'optional',
    ordersCompleted: 0.95,
    placingAnswered: 0.99,
    placingSeconds: 5,
  },
  staging: {
    releaseDelaySeconds: 300,
    staffSecondFactor: 'required',
    ordersCompleted: 0.99,
    placingAnswered: 0.995,
    placingSeconds: 5,
  },
  prod,
}

const figuresOf = (name: string): Figures => (Object.hasOwn(figures, name) ? figures[name]! : prod)

const edge = ({ name }: Deployment): EdgeSettings => ({
  limits: {
    customer: { perSecond: 5, burst: 30 },
    ...ofStaff({ perSecond: 20, burst: 100 }),
    importer: { perSecond: 200, burst: 400 },
    // A school or an office has one address.
    address: { perSecond: 50, burst: 200 },
  },
  concurrentRequests: 64,
  signedRequests: 8,
  requestsPerAddress: 24,
  requestsPerCaller: 16,
  requestTimeoutMs: 25_000,
  trustedProxies: 0,
  origins: [`https://shop.${name}.example.com`],
  ...figuresOf(name).edge,
})

/** A person orders a few times an hour; a card that waits for its bank holds stock for five minutes. */
const placing = ({ name }: Deployment): Bounds => ({
  ordersPerHour: 60,
  unpaidOrders: 5,
  unpaidPieces: 100,
  lapsedOrders: 5,
  ...figuresOf(name).placing,
})

/**
 * An example, the same in each environment: the rates of Germany, and a fee for what is ordered in dollars and shipped
 * overseas. A product without a tax class is exempt.
 */
const charges: Charges = {
  taxBasisPoints: { standard: 1_900, reduced: 700 },
  shipping: { USD: { feeMinor: 590, freeFromMinor: 6_000 } },
  discountBasisPoints: { 'WELCOME-10': 1_000 },
}

export const settings: Business['settings'] = (deployment) => {
  const { name, serviceUrl, partnerUrl } = deployment
  return {
    PAYMENT_PROVIDER_URL: partnerUrl?.('payment-provider') ?? `https://payments.${name}.example.com`,
    // `{ "kind": "stripe", "returnUrl": … }` with https://api.stripe.com as the address above: docs/payment-providers.md.
    PAYMENT_PROVIDER_API: JSON.stringify({ kind: 'simulator' }),
    // The payment provider signs its webhooks for this address. With your own domain, use the address there.
    PAYMENT_WEBHOOK_URL: `${serviceUrl('gateway')}/v1/webhooks/payment-provider`,
    CARRIER_URL: partnerUrl?.('carrier') ?? `https://carrier.${name}.example.com`,
    // The carrier signs its webhooks for this address, as above.
    CARRIER_WEBHOOK_URL: `${serviceUrl('gateway')}/v1/webhooks/carrier`,
    RELEASE_DELAY_SECONDS: String(figuresOf(name).releaseDelaySeconds),
    // An order of more pieces is shipped in several parcels, each captured when the carrier has collected it.
    PIECES_PER_PARCEL: '20',
    // People try out documents where they develop; in staging and prod clients have theirs recorded.
    GRAPHQL_DOCUMENTS: ['local', 'dev'].includes(name) ? 'any' : 'recorded',
    // Names of services, topics and queues help their developers, and an intruder.
    MESSAGE_DOCUMENTS: ['local', 'dev'].includes(name) ? 'served' : 'withheld',
    STAFF_SECOND_FACTOR: figuresOf(name).staffSecondFactor,
    // `npm start -- --set OTHER_SYSTEM_URL=…` for a migration on a laptop: docs/strangler.md.
    OTHER_SYSTEM_URL: 'off',
    EDGE: JSON.stringify(edge(deployment)),
    PLACING: JSON.stringify(placing(deployment)),
    CHARGES: JSON.stringify(charges),
    WEBHOOK_TARGETS: figuresOf(name).webhookTargets ?? 'public',
  }
}

export const goals: Business['goals'] = ({ name }) => {
  const { ordersCompleted, placingAnswered, placingSeconds } = figuresOf(name)
  return {
    'orders-completed': { share: ordersCompleted },
    placing: { share: placingAnswered, p95Seconds: placingSeconds },
  }
}

export const minInstances: NonNullable<Business['minInstances']> = ({ name }) => figuresOf(name).minInstances ?? {}

export const delivery: NonNullable<Business['delivery']> = ({ name }) => figuresOf(name).delivery ?? {}
