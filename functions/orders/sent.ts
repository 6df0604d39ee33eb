/** The commands that a decision about an order sends. */

import type { SentBy } from '../../shared/contracts/contract.ts'
import type { orders } from './service.ts'

export type OrderSent = SentBy<typeof orders>
