/** Every rule about a product: it is published once, its price changes when it differs. */

import type { Decider } from '../../shared/decider.ts'
import { refuseIf } from '../../shared/errors.ts'
import type { Message } from '../../shared/platform.ts'

export interface ProductState {
  readonly name?: string
  readonly unitMinor?: number
  readonly currency?: string
}

interface Price {
  readonly sku: string
  readonly unitMinor: number
  readonly currency: string
  readonly validFrom?: string | undefined
}

export type ProductCommand =
  | { readonly type: 'PublishProduct'; readonly data: Price & { readonly name: string } }
  | { readonly type: 'ChangePrice'; readonly data: Price }

export const product: Decider<ProductCommand, ProductState, Message[]> = {
  initial: {},
  decide({ type, data }, state) {
    const { sku, unitMinor, currency, validFrom } = data
    const price: Message = { type: 'price.changed', data: { sku, unitMinor, currency, ...(validFrom ? { validFrom } : {}) } }
    const samePrice = state.unitMinor === unitMinor && state.currency === currency && !validFrom
    switch (type) {
      case 'PublishProduct': {
        const published: Message = { type: 'product.published', data: { sku, name: data.name } }
        return [...(state.name === data.name ? [] : [published]), ...(samePrice ? [] : [price])]
      }
      case 'ChangePrice':
        refuseIf(state.name === undefined, 'unknown-sku', `"${sku}" was never published.`)
        return samePrice ? [] : [price]
    }
  },
  evolve(state, { type, data }) {
    if (type === 'product.published') return { ...state, name: (data as { name: string }).name }
    const { unitMinor, currency } = data as Price
    return { ...state, unitMinor, currency }
  },
}
