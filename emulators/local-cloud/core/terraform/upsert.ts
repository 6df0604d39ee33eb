/** Brings a resource into being through its API, whether or not an earlier start already made it. */

/** Calls `create`; when the API answers that the resource exists (409), calls `change` instead. */
export async function upsert(create: () => Promise<unknown>, change: () => Promise<unknown>): Promise<void> {
  try {
    await create()
  } catch (error) {
    if ((error as { httpStatus?: number }).httpStatus !== 409) throw error
    await change()
  }
}
