/** What a business adds to the platform, as data and pure functions: its services. */

import type { Service } from './service.ts'

export interface Business {
  /** By number, which their local ports follow. */
  readonly services: Readonly<Record<number, Service>>
}

/** In the order of their numbers. */
export const servicesOf = ({ services }: Pick<Business, 'services'>): readonly Service[] => Object.values(services)
