/** The addresses of the local carrier: with some of them refusals and returns can be tried, as with the cards of the payment provider. */

export interface Address {
  readonly name: string
  readonly lines: readonly string[]
  readonly postcode?: string
  readonly city: string
  /** ISO 3166-1 alpha-2. */
  readonly country: string
}

const UNKNOWN_POSTCODE = '00000'
const NOT_SERVED = 'AQ'
const RETURNED_POSTCODE = '99999'

/** Why the carrier does not bring a parcel to this address; undefined: it does. */
export function obstacleOf({ postcode, city, country }: Address): { code: string; message: string } | undefined {
  if (postcode === UNKNOWN_POSTCODE) return { code: 'address-unknown', message: `There is no ${postcode} ${city}.` }
  if (country === NOT_SERVED) return { code: 'not-serviceable', message: `We bring no parcels to ${country}.` }
  return undefined
}

/** Why a parcel to this address comes back; undefined: it is delivered. */
export const returnOf = ({ postcode }: Address): string | undefined =>
  postcode === RETURNED_POSTCODE ? 'recipient-unknown' : undefined

export function isAddress(value: unknown): value is Address {
  const { name, lines, postcode = '', city, country } = (value ?? {}) as Record<string, unknown>
  return (
    [name, postcode, city, country].every((part) => typeof part === 'string') &&
    Array.isArray(lines) &&
    lines.length > 0 &&
    lines.every((line) => typeof line === 'string')
  )
}
