/** Fewer views in BigQuery, for tests that read none of the others. */

import { business } from '../../functions/index.ts'
import type { Business } from '../../shared/service/business.ts'
import type { Service } from '../../shared/service/service.ts'

/** The views of the business that these services read: to check the plans of all is half of a platform's start. */
export function viewsReadBy(services: readonly Service[]): Business['views'] {
  const read = new Set(services.flatMap(({ readsViews }) => readsViews))
  return { ...business.views, names: business.views.names.filter((name) => read.has(name)) }
}
