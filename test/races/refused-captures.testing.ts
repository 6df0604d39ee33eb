/** A payment provider that refuses some captures. */

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
