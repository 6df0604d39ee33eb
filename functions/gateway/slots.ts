/** Places for requests under way, so many for each key. */

export interface Slots {
  /** The place that was taken, to be given back once; undefined when all of this key are taken. */
  take(key: string): (() => void) | undefined
  /** How many keys hold a place. */
  size(): number
}

export function createSlots(most: number): Slots {
  const taken = new Map<string, number>()
  return {
    size: () => taken.size,
    take(key) {
      const underWay = taken.get(key) ?? 0
      if (underWay >= most) return undefined
      taken.set(key, underWay + 1)
      let isHeld = true
      return () => {
        if (!isHeld) return
        isHeld = false
        const left = taken.get(key)! - 1
        if (left > 0) taken.set(key, left)
        else taken.delete(key)
      }
    },
  }
}
