/** Merges what several services declare under names of their own choice. */

interface Declared<V> {
  readonly service: string
  readonly members?: Readonly<Record<string, V>> | undefined
}

/**
 * @param kind `secret`, in the error
 * @throws Error for a name that two services declare with different meanings: either would silently replace the other
 */
export function mergedMembers<V>(kind: string, declared: readonly Declared<V>[]): Readonly<Record<string, V>> {
  const owners = new Map<string, { readonly service: string; readonly value: V }>()
  for (const { service, members = {} } of declared)
    for (const [name, value] of Object.entries(members)) {
      const other = owners.get(name)
      if (other && other.value !== value)
        throw new Error(
          `${other.service} and ${service} both declare the ${kind} ${name}, and not the same one: give one another name, or declare it once and import it.`,
        )
      owners.set(name, { service, value })
    }
  return Object.fromEntries([...owners].map(([name, { value }]) => [name, value]))
}
