/** The products that can be ordered, for an error about an unknown one. */

import { Refusal } from '../../../cli/api.ts'
import { type Running, UsageError } from '../../../cli/command.ts'
import { nearestOrAll } from '../../../shared/base/nearest.ts'
import { databaseName } from '../../../shared/base/names.ts'

/** One page: a shop of a developer has few products. */
const MAX_PRODUCTS = 300

/** Adds the product that was probably meant to an error about an unknown one. */
export async function withNearestSku<T>(running: Running, skus: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const isUnknown = error instanceof Refusal && ['unknown-sku', 'not-found'].includes(error.problem.code)
    const unknown = isUnknown ? skus.find((sku) => error.problem.detail.includes(sku)) : undefined
    if (unknown === undefined) throw error
    const known = await pricedSkus(running)
    throw new UsageError(
      known.length === 0
        ? (error as Refusal).message
        : `${(error as Refusal).message} ${nearestOrAll(unknown, known, 'There are:')}`,
    )
  }
}

/** Of the replica of prices in orders, by Firestore's REST API. None when it can not be read: the error without it is right too. */
async function pricedSkus({ apiHost, projectId }: Running): Promise<string[]> {
  const documents = `projects/${projectId}/databases/${databaseName('orders')}/documents`
  const query = `pageSize=${MAX_PRODUCTS}&mask.fieldPaths=__name__`
  const response = await fetch(`http://${apiHost}/v1/${documents}/prices?${query}`)
  if (!response.ok) return []
  const { documents: found = [] } = (await response.json()) as { documents?: readonly { readonly name: string }[] }
  return found.map(({ name }) => decodeURIComponent(name.split('/').at(-1)!)).toSorted()
}
