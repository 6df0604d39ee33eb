/** Finds an object of JSON with two members of one name: parsers differ in which of them they keep, and `JSON.parse` keeps the last. */

import { shortened } from './shortened.ts'

const token = /"((?:\\.|[^"\\])*)"(\s*:)?|[[\]{}]/gs

/** @returns the first name that an object has twice, unescaped. Of a text that is no JSON it finds some or none, and never fails. */
export function repeatedMember(text: string): string | undefined {
  /** The names of each open object; of an open array none. */
  const open: (Set<string> | undefined)[] = []
  for (const [found, written, colon] of text.matchAll(token)) {
    if (found === '{') open.push(new Set())
    else if (found === '[') open.push(undefined)
    else if (found === '}' || found === ']') open.pop()
    else if (colon !== undefined) {
      const name = unescaped(written!)
      const names = open.at(-1)
      if (names?.has(name)) return name
      names?.add(name)
    }
  }
  return undefined
}

const QUOTED_CHARACTERS = 100

export const twoMembers = (name: string): string => `an object has two members "${shortened(name, QUOTED_CHARACTERS)}"`

function unescaped(written: string): string {
  if (!written.includes('\\')) return written
  try {
    return JSON.parse(`"${written}"`) as string
  } catch {
    return written
  }
}
