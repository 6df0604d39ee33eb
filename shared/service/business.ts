/** A business, as data and pure functions: services, views, settings and goals. */

import { withOperations } from './with-operations.ts'
import type { EventDelivery, Service } from './service.ts'

export interface Business {
  /** By number, which their local ports follow. */
  readonly services: Readonly<Record<number, Service>>
  /** Companies outside the platform that its services call, and that emulators simulate on a laptop, by number, which determines their local port. */
  readonly partners: Readonly<Record<number, string>>
  /** Views in BigQuery: `NAME.sql` in the folder. Each view comes after the views that it reads. See `Analytics` for the names that a text may refer to. */
  readonly views: {
    readonly folder: URL
    readonly names: readonly string[]
    /** `{{NAME ARGUMENT}}` in the text of a view is replaced by the SQL that the macro of that name returns. */
    readonly macros?: Readonly<Record<string, (argument: string) => string>>
  }
  /** The values of the settings that its services list, besides those of the platform. */
  settings(deployment: Deployment): Readonly<Record<string, string>>
  /** By objective. Every objective that a service describes has one. */
  goals(deployment: Pick<Deployment, 'name'>): Readonly<Record<string, Goal>>
  /** By service: instances that Cloud Run keeps although no request comes (default: none). `npm run bill -- --stacks` has their cost. */
  minInstances?(deployment: Pick<Deployment, 'name'>): Readonly<Record<string, number>>
  /** By service: how events reach it, where that is not as its description has it. docs/scaling.md says when which costs less. */
  delivery?(deployment: Pick<Deployment, 'name'>): Readonly<Record<string, EventDelivery>>
  /** The roles with which operators, by `npm run ops`, call the public API. Default: none. */
  readonly operatorRoles?: readonly string[]
}

/** An environment, as far as settings depend on it. */
export interface Deployment {
  /** `local`, or a name in `stacks/environments.ts`. */
  readonly name: string
  readonly projectId: string
  /** Without a slash at the end. */
  serviceUrl(service: string): string
  /** The address of the partner's emulator, without a slash at the end. Absent outside the local environment. */
  partnerUrl?(partner: string): string
}

export interface Goal {
  /** The share of good ones among good and bad, 0 to 1: sagas that end as they should, or requests that are answered. */
  readonly share: number
  /** The time in which 95 % of the requests are answered, in seconds: a bucket bound of `http.server.request.duration`. Absent: no objective. */
  readonly p95Seconds?: number
}

/** In the order of their numbers. A public service has what the public operations of all services need. */
export const servicesOf = ({ services }: Pick<Business, 'services'>): readonly Service[] =>
  withOperations(Object.values(services))
export const partnersOf = ({ partners }: Pick<Business, 'partners'>): readonly string[] => Object.values(partners)

/** Whether workers of this service pull its events, in this environment. */
export const isPulled = (
  { name, on, delivery }: Pick<Service, 'name' | 'on' | 'delivery'>,
  business: Pick<Business, 'delivery'>,
  deployment: Pick<Deployment, 'name'>,
): boolean => on.length > 0 && (business.delivery?.(deployment)[name] ?? delivery) === 'pull'
