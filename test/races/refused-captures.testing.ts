/** A payment provider that refuses some captures, or declines authorizations for the moment. */

import { PartnerRefusal } from '../../emulators/partner-server.ts'
import type { World } from '../support/simulation/world.ts'

export type CaptureRequest = Parameters<World['provider']['ledger']['capture']>

/** From now on the provider refuses each capture for which `codeFor` returns a code, and makes all others. */
export function refuseCaptures(
  { provider: { ledger } }: World,
  codeFor: (...given: CaptureRequest) => string | undefined,
): void {
  const capture = ledger.capture.bind(ledger)
  Object.assign(ledger, {
    capture(...given: CaptureRequest) {
      const code = codeFor(...given)
      if (code !== undefined) throw new PartnerRefusal(409, code, 'Refused.')
      return capture(...given)
    },
  })
}

/** Declines the next authorizations as a bank does that can not be reached: those of one card, or all. */
export function declineTransiently(world: World, count: number, card?: string): void {
  const { ledger } = world.provider
  const authorize = ledger.authorize.bind(ledger)
  const paymentMethodRef = card === undefined ? undefined : world.paymentMethodOf(card)
  let left = count
  Object.assign(ledger, {
    authorize(key: string, request: Parameters<typeof authorize>[1]) {
      const isOfCard = paymentMethodRef === undefined || request.paymentMethodRef === paymentMethodRef
      if (!isOfCard || left-- <= 0) return authorize(key, request)
      return { ...authorize(key, { ...request, paymentMethodRef: 'card-declined' }), declineCode: 'issuer-unavailable' }
    },
  })
}
