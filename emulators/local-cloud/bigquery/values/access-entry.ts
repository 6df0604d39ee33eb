/** The entries of a dataset's `access` that this emulator acts on: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets */

import { z } from 'zod'

/** An entry of a dataset's `access`: a view, or all views of a dataset. Roles are granted by policies. */
export const accessEntry = z
  .looseObject({
    view: z.looseObject({ projectId: z.string().optional(), datasetId: z.string(), tableId: z.string() }).optional(),
    dataset: z
      .looseObject({
        dataset: z.looseObject({ projectId: z.string().optional(), datasetId: z.string() }),
        targetTypes: z.array(z.enum(['VIEWS'])).min(1),
      })
      .optional(),
  })
  .transform((entry) => ({ ...entry, datasetId: undefined }))
export type AccessEntry = z.input<typeof accessEntry>
