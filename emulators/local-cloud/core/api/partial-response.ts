/** Partial responses of Google's REST APIs, by the parameter `fields`: https://cloud.google.com/apis/docs/system-parameters */

import { invalidArgument } from '../status.ts'

/** The selected fields with what is selected inside each; `*` stands for every name, an empty map for the whole value. */
type Selection = ReadonlyMap<string, Selection>

/** Returns the function that takes the selected parts of an answer: `items/id,items(name,labels/*)`. @throws INVALID_ARGUMENT for a selection that can't be parsed */
export function fieldSelector(fields: string): (answer: unknown) => unknown {
  const selection = parse(fields)
  return (answer) => pick(answer, selection)
}

function pick(value: unknown, selection: Selection): unknown {
  if (selection.size === 0 || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((one) => pick(one, selection))
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inside]) => {
      const selected = selection.get(name) ?? selection.get('*')
      return selected ? [[name, pick(inside, selected)]] : []
    }),
  )
}

function parse(text: string): Selection {
  let at = 0
  const refuse = (): never => {
    throw invalidArgument(`Invalid field selection ${text.slice(0, 100)}: write a,b/c,d(e,f).`)
  }
  function list(): Selection {
    const all = new Map<string, Selection>()
    do merge(all, path())
    while (text[at] === ',' && ++at)
    return all
  }
  function path(): [string, Selection] {
    const [name] = /^(\w[\w-]*|\*)/.exec(text.slice(at)) ?? refuse()
    at += name.length
    if (text[at] === '/') {
      at++
      return [name, new Map([path()])]
    }
    if (text[at] !== '(') return [name, new Map()]
    at++
    const inside = list()
    if (text[at++] !== ')') refuse()
    return [name, inside]
  }
  const all = list()
  return at === text.length ? all : refuse()
}

/** A name that is selected twice gets the fields of both; without fields it is the whole value. */
function merge(all: Map<string, Selection>, [name, inside]: readonly [string, Selection]): void {
  const former = all.get(name)
  if (!former) return void all.set(name, inside)
  if (former.size === 0 || inside.size === 0) return void all.set(name, new Map())
  const both = new Map(former)
  for (const one of inside) merge(both, one)
  all.set(name, both)
}
