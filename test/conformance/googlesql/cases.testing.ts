/** Reads the files `*.test` of GoogleSQL's compliance suite: options in brackets, a statement, and the value that it gives. */

export interface Case {
  readonly name: string
  readonly options: ReadonlyMap<string, string>
  readonly statement: string
  /** A value as GoogleSQL prints it, or `ERROR: …`. */
  readonly expected: string
  /** Whether several answers are right, of which the file has one. */
  readonly isUndetermined: boolean
}

/** Cases are separated by `==`, the parts of one by `--`; a backslash protects a line that begins so in a statement. */
export function casesOf(text: string): Case[] {
  return text.split(/^==\s*$/m).flatMap((section) => {
    const [head = '', ...answers] = section.split(/^--\s*$/m)
    const { options, rest } = optionsOf(head)
    const name = options.get('name') ?? (options.has('prepare_database') ? '' : undefined)
    if (name === undefined || answers.length === 0) return []
    const [expected, ...notes] = answers.join('\n').split(/^NOTE:/m)
    const statement = rest.replaceAll(/^\\/gm, '').trim().replace(/;$/, '')
    return [{ name, options, statement, expected: expected!.trim(), isUndetermined: notes.length > 0 }]
  })
}

function optionsOf(head: string): { options: Map<string, string>; rest: string } {
  const options = new Map<string, string>()
  let rest = withoutComments(head)
  while (rest.startsWith('[')) {
    const end = endOfBrackets(rest)
    const [, name = '', value = ''] = /^([^=]*)=?([\s\S]*)$/.exec(rest.slice(1, end))!
    options.set(name.trim(), value.trim())
    rest = withoutComments(rest.slice(end + 1))
  }
  return { options, rest }
}

const withoutComments = (text: string): string => text.replace(/^(?:\s|#[^\n]*)+/, '')

/** The index of the bracket that closes the first one. Brackets in texts do not count. */
function endOfBrackets(text: string): number {
  let depth = 0
  for (const { 0: token, index } of text.matchAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[[\]]/gs)) {
    if (token === '[') depth += 1
    if (token === ']' && --depth === 0) return index
  }
  return text.length
}
