/** The additions of a business to the commands and to `npm start`: functions/tools.ts declares them. Every part may be absent. */

import type { Partners } from '../emulators/partner-server.ts'
import type { Roles } from '../emulators/identity-platform/server.ts'
import type { Running } from '../emulators/running.ts'
import { type Business, servicesOf } from '../shared/service/business.ts'
import { checkKnown } from '../shared/service/check-business.ts'
import { publishedBy } from '../shared/service/service.ts'
import type { Api, Caller } from './api.ts'
import type { Defined } from './command.ts'

/** Of a query's result, by column. */
type Row = Readonly<Record<string, unknown>>

export interface Tools {
  /** The external companies that services call, as the local cloud simulates them. functions/index.ts gives them their ports. */
  readonly partners?: Partners
  /** Fills a new local platform. Returns the line that `npm start` prints. */
  seed?(running: Running): Promise<string>
  /** The commands that `npm start` prints when it is ready, and shows on its page. */
  readonly nextSteps?: readonly { readonly command: string; readonly brief: string }[]
  /** The page of the public API. */
  readonly page?: { readonly path: string; readonly title: string }
  readonly unit?: Unit
  /** The decimals of a NUMERIC in a row of `npm run query`: of an amount, those of its currency. Undefined: as it is. */
  decimals?(): Promise<(column: string, row: Row) => number | undefined>
  /** A folder of saved queries: `NAME.sql`. */
  readonly queries?: URL
  /** Arguments of commands, and an address of the public API, as help texts show them. */
  readonly examples?: { readonly publish?: string; readonly query?: string; readonly url?: string }
  /** Service → a command that makes it publish its events, for the refusal of `npm run publish`. */
  readonly commands?: Readonly<Record<string, string>>
  /** The roles of callers of the public API, by name: the local identity platform issues tokens with them. */
  readonly roles?: Roles
  /** The caller of `npm run token` without a name and a role. */
  readonly caller?: Caller
  /** Verbs of `npm run ops` besides dead-letters, replay and stuck, by name. */
  ops?(): Promise<Readonly<Record<string, Defined>>>
  /** Service → how the public API shows one of its sagas. Sagas of other services are listed as they were reported. */
  readonly sagas?: Readonly<Record<string, ReadSaga>>
}

/** The unit that the business counts, such as a ticket: `npm run bill` divides by them, `npm run trace` shows the last one. */
export interface Unit {
  readonly one: string
  readonly many: string
  /** The event that is published once for each. */
  readonly event: string
  /** The request that begins one, as its span is named: `POST /v1/tickets`. */
  readonly request: string
  /** A command that begins one. */
  readonly command: string
}

export interface SagaState {
  readonly sagaId: string
  readonly status: string
  readonly stuck: boolean
  readonly waitsFor: readonly { readonly step: string; readonly attempt: number; readonly until: string | null }[]
}

/** Undefined: there is no such saga. */
export type ReadSaga = (api: Api, sagaId: string) => Promise<SagaState | undefined>

/** @throws Error that names events and services of the tools which the business does not have, and the known ones. */
export function checkTools({ unit, sagas = {} }: Tools, business: Pick<Business, 'services'>): void {
  const services = servicesOf(business)
  const place = 'of the tools (functions/tools.ts)'
  checkKnown(unit ? [unit.event] : [], services.flatMap(publishedBy), `unit.event ${place}`, 'event of a service')
  const withSaga = services.filter(({ saga }) => saga).map(({ name }) => name)
  checkKnown(Object.keys(sagas), withSaga, `sagas ${place}`, 'service with a saga')
}
