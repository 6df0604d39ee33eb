/** The business that runs on the platform: a help desk. */

import { type Business, servicesOf } from '../../../shared/service/business.ts'
import type { Service } from '../../../shared/service/service.ts'
import { helpdesk } from './helpdesk/service.ts'
import { tickets } from './tickets/service.ts'

/** Ports on a laptop follow the numbers. */
const numberedServices: Readonly<Record<number, Service>> = { 0: helpdesk, 1: tickets }

export const business: Business = {
  services: numberedServices,
  partners: {},
  views: { folder: new URL('.', import.meta.url), names: [] },
  settings: () => ({}),
  goals: () => ({ opening: { share: 0.99 } }),
}

export const services: readonly Service[] = servicesOf(business)
