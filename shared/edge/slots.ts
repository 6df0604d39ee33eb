/** Limits the concurrent requests of each key. */

export interface Slots {
  /** Acquires a slot; the answer releases it once. Undefined when all slots of this key are in use. */
  take(key: string): (() => void) | undefined
  /** How many keys hold a slot. */
  size(): number
}

export function createSlots(maxConcurrency: number): Slots {
  const inUse = new Map<string, number>()
  return {
    size: () => inUse.size,
    take(key) {
      const before = inUse.get(key) ?? 0
      if (before >= maxConcurrency) return undefined
      inUse.set(key, before + 1)
      let isHeld = true
      return () => {
        if (!isHeld) return
        isHeld = false
        const left = inUse.get(key)! - 1
        if (left > 0) inUse.set(key, left)
        else inUse.delete(key)
      }
    },
  }
}
