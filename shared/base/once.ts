/** A value that is made when it is first needed. */

export interface Once<T> {
  (): T
  /** Whether it was needed. */
  started(): boolean
}

export function once<T>(make: () => T): Once<T> {
  let made: { readonly value: T } | undefined
  return Object.assign(() => (made ??= { value: make() }).value, { started: () => made !== undefined })
}
