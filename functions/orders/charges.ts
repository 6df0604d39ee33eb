/**
 * What an order costs besides its goods: the discount of a code, taxes and the shipping fee, by the shop's setting. Amounts are
 * whole minor units of one currency: each is rounded once for the order, and what the lines have of it adds up to it.
 */

import { Refused } from '../../shared/base/errors.ts'
import { nearest } from '../../shared/base/nearest.ts'
import type { TaxClass } from '../catalog/contracts.ts'
import { shopCodes } from '../shop/errors.ts'
import type { Placed } from './records.ts'
import type { Charges } from './settings.ts'

export interface ChargedLine {
  readonly lineId: string
  readonly sku: string
  readonly quantity: number
  readonly unitMinor: number
  /** Absent: exempt. */
  readonly taxClass?: TaxClass | undefined
}

/** The part of a placed order that follows from prices and charges. */
export type Cost = Pick<Placed, 'lines' | 'shippingMinor' | 'taxMinor' | 'discountMinor' | 'totalMinor'>

/** @throws Refused for a discount code that the shop does not have */
export function costOf(
  lines: readonly ChargedLine[],
  currency: string,
  charges: Charges,
  discountCode: string | undefined,
): Cost {
  const goods = lines.map(({ quantity, unitMinor }) => quantity * unitMinor)
  const discounts =
    discountCode === undefined
      ? goods.map(() => 0)
      : apportioned(shareOf(sum(goods), discountRate(charges, discountCode)), goods)
  const nets = goods.map((amountMinor, index) => amountMinor - discounts[index]!)
  const taxes = taxesOn(lines, nets, charges)
  const shippingMinor = feeFor(sum(nets), currency, charges)
  const taxMinor = sum(taxes.map(({ amountMinor }) => amountMinor))
  const discountMinor = sum(discounts)
  return {
    lines: lines.map(({ lineId, sku, quantity, unitMinor }, index) => ({
      lineId,
      sku,
      quantity,
      unitMinor,
      ...(taxes[index]!.basisPoints > 0 ? { taxes: [taxes[index]!] } : {}),
      ...(discounts[index]! > 0 ? { adjustments: [{ code: discountCode!, amountMinor: discounts[index]! }] } : {}),
    })),
    shippingMinor,
    ...(taxMinor > 0 ? { taxMinor } : {}),
    ...(discountMinor > 0 ? { discountMinor } : {}),
    totalMinor: sum(nets) + taxMinor + shippingMinor,
  }
}

function discountRate({ discountBasisPoints }: Charges, code: string): number {
  const rate = Object.hasOwn(discountBasisPoints, code) ? discountBasisPoints[code] : undefined
  if (rate !== undefined) return rate
  const meant = nearest(code, Object.keys(discountBasisPoints))
  throw new Refused(
    shopCodes['unknown-discount'],
    `discountCode: the shop has no code ${code}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`,
  )
}

interface Tax {
  readonly taxClass: TaxClass
  readonly basisPoints: number
  readonly amountMinor: number
}

/** The tax of each class is rounded once for all its lines. */
function taxesOn(lines: readonly ChargedLine[], nets: readonly number[], { taxBasisPoints }: Charges): readonly Tax[] {
  const taxes = lines.map(({ taxClass = 'exempt' }): Tax => {
    const basisPoints = taxClass === 'exempt' ? 0 : taxBasisPoints[taxClass]
    return { taxClass, basisPoints, amountMinor: 0 }
  })
  for (const taxed of new Set(taxes.map(({ taxClass }) => taxClass))) {
    const bases = nets.map((netMinor, index) => (taxes[index]!.taxClass === taxed ? netMinor : 0))
    const { basisPoints } = taxes.find(({ taxClass }) => taxClass === taxed)!
    const amounts = apportioned(shareOf(sum(bases), basisPoints), bases)
    for (const [index, tax] of taxes.entries())
      if (tax.taxClass === taxed) taxes[index] = { ...tax, amountMinor: amounts[index]! }
  }
  return taxes
}

/** The fee itself is not taxed. A currency without one has no fee. */
function feeFor(goodsMinor: number, currency: string, { shipping }: Charges): number {
  const fee = Object.hasOwn(shipping, currency) ? shipping[currency] : undefined
  return fee === undefined || goodsMinor >= fee.freeFromMinor ? 0 : fee.feeMinor
}

/** Half a minor unit is rounded up. Products of amounts and rates exceed the whole numbers that a double has. */
const shareOf = (amountMinor: number, basisPoints: number): number =>
  Number((BigInt(amountMinor) * BigInt(basisPoints) + 5_000n) / 10_000n)

/**
 * An amount, divided in proportion to the weights, by largest remainder: the parts add up to it, each is less than one minor
 * unit from its exact share, and none exceeds its weight where the amount does not exceed their sum.
 */
export function apportioned(amountMinor: number, weights: readonly number[]): readonly number[] {
  const whole = BigInt(sum(weights))
  if (whole === 0n) return weights.map(() => 0)
  const exact = weights.map((weight) => BigInt(amountMinor) * BigInt(weight))
  const parts = exact.map((share) => Number(share / whole))
  const missing = amountMinor - sum(parts)
  const byRemainder = exact
    .map((share, index) => ({ index, remainder: share % whole }))
    .toSorted((one, other) => Number(other.remainder - one.remainder) || one.index - other.index)
  for (const { index } of byRemainder.slice(0, missing)) parts[index]! += 1
  return parts
}

const sum = (amounts: readonly number[]): number => amounts.reduce((total, one) => total + one, 0)
