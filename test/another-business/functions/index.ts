/** The business that runs on the platform: a help desk. */

import { type Business, servicesOf } from '../../../shared/service/business.ts'
import type { Service } from '../../../shared/service/service.ts'
import type { EdgeSettings } from '../../../shared/service/edge-settings.ts'
import { helpdesk } from './helpdesk/service.ts'
import { tickets } from './tickets/service.ts'
import { visits } from './visits/service.ts'
import { workshop } from './workshop/service.ts'

/** Ports on a laptop follow the numbers. */
const numberedServices: Readonly<Record<number, Service>> = { 0: helpdesk, 1: tickets, 2: visits, 3: workshop }

const limit = { perSecond: 20, burst: 100 }
const edge: EdgeSettings<'reporter' | 'agent'> = {
  limits: { reporter: limit, agent: limit, address: limit },
  concurrentRequests: 72,
  // No operation is signed.
  signedRequests: 0,
  requestsPerAddress: 24,
  requestsPerCaller: 16,
  requestTimeoutMs: 25_000,
  trustedProxies: 0,
  origins: [],
}

export const business: Business = {
  services: numberedServices,
  partners: {},
  views: { folder: new URL('.', import.meta.url), names: [] },
  settings: () => ({ EDGE: JSON.stringify(edge) }),
  goals: () => ({ opening: { share: 0.99 }, 'visits-confirmed': { share: 0.95 } }),
  operatorRoles: ['agent'],
}

export const services: readonly Service[] = servicesOf(business)
