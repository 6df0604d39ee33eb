/** The checkout saga of an order, as the public API shows it to staff. */

import { type Api, Refusal } from '../../../cli/api.ts'
import type { SagaState } from '../../../cli/tools.ts'

type OrderSaga = Omit<SagaState, 'sagaId'> & { readonly orderId: string }

/** @throws Refusal, with status 404 for an order that does not exist */
export async function readSaga(api: Api, orderId: string): Promise<SagaState> {
  const { body } = await api.send<OrderSaga>('GET', `/v1/orders/${encodeURIComponent(orderId)}/saga`)
  const { orderId: sagaId, ...state } = body
  return { sagaId, ...state }
}

/** Undefined: there is no such order. */
export async function findSaga(api: Api, orderId: string): Promise<SagaState | undefined> {
  try {
    return await readSaga(api, orderId)
  } catch (error) {
    if (error instanceof Refusal && error.problem.status === 404) return undefined
    throw error
  }
}
