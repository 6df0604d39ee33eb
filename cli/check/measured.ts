/** The architecture of the business in this repository, with the measured sources of its services. */

import { readFileSync } from 'node:fs'
import { type Business, servicesOf } from '../../shared/service/business.ts'
import type { Architecture } from './fitness.ts'
import { sizeOf } from './service-size.ts'

export function measured(root: string, business: Pick<Business, 'services' | 'views'>): Architecture {
  const services = servicesOf(business)
  const { folder, names } = business.views
  return {
    services,
    sizes: Object.fromEntries(services.map(({ name }) => [name, sizeOf(root, `functions/${name}`)])),
    views: names.map((name) => readFileSync(new URL(`${name}.sql`, folder), 'utf8')),
  }
}
