/**
 * Runs every step of a shutdown one after the other, also when some of them fail.
 * @throws the error of the step that failed, or an AggregateError of several
 */
export async function closeAll(steps: Iterable<() => unknown>): Promise<void> {
  const errors: unknown[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new AggregateError(errors, errors.map(String).join('\n'))
}

/** After a failed start, which reports its own error: errors of the closing go to the terminal. */
export async function closeAfter(failure: unknown, close: () => Promise<void>): Promise<never> {
  await close().catch((error: unknown) => console.error(error))
  throw failure
}
