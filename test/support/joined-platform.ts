/**
 * The platform that suites share. Each suite uses its own products and customers, and reads only the data of
 * its own orders, since others run at the same time. A suite that stops, counts or configures a platform starts its own.
 */

import { inject } from 'vitest'
import { clientOf, type PlatformClient } from './client.ts'

/**
 * `customer` must be unique to the suite, since orders are limited by customer.
 * @throws Error in a suite outside test/platform/shared/.
 */
export function joinPlatform(customer: string): PlatformClient {
  const shared = inject('sharedPlatform') as ReturnType<typeof inject<'sharedPlatform'>> | undefined
  if (!shared) throw new Error('No platform is shared here: move this file to test/platform/shared/.')
  const { partners, services, accounts, ...ports } = shared.ports
  const portIn = (of: Readonly<Record<string, number>>, name: string): number => {
    const port = of[name]
    if (port === undefined) throw new Error(`There is no ${name}, only ${Object.keys(of).join(', ')}.`)
    return port
  }
  const all = {
    ...ports,
    partner: (name: string) => portIn(partners, name),
    service: (name: string) => portIn(services, name),
    account: (name: string) => portIn(accounts, name),
  }
  return clientOf(shared.running, all, customer)
}
