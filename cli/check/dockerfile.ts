/** Parses a Dockerfile as Docker does: continued lines, comments between them, here-documents. */

export interface Instruction {
  /** In capitals. The instruction after ONBUILD counts as an ordinary one. */
  readonly name: string
  /** `--from=packages` */
  readonly flags: readonly string[]
  /** The rest after the flags; the items of a JSON list are separated by spaces. */
  readonly words: string
  /** The lines of its here-documents. */
  readonly body: string
}

export function readDockerfile(text: string): Instruction[] {
  const continued = /^#\s*escape\s*=\s*`/im.test(text) ? /`\s*$/ : /\\\s*$/
  const lines = text.split(/\r?\n/)
  const instructions: Instruction[] = []
  while (lines.length > 0) {
    let line = takeLine(lines)
    while (continued.test(line) && lines.length > 0) line = `${line.replace(continued, ' ')}${takeLine(lines)}`
    const [, name, flags, words] = /^\s*(?:ONBUILD\s+)?([a-z]+)\s+((?:--\S+\s+)*)(.*)$/is.exec(line) ?? []
    if (!name) continue
    instructions.push({
      name: name.toUpperCase(),
      flags: flags!.replaceAll(/['"]/g, '').split(/\s+/).filter(Boolean),
      words: withoutList(words!.trim()),
      body: takeHereDocuments(words!, lines),
    })
  }
  return instructions
}

/** Removes comments, also between continued lines. */
function takeLine(lines: string[]): string {
  const line = lines.shift()!
  return /^\s*#/.test(line) && lines.length > 0 ? takeLine(lines) : line
}

function withoutList(words: string): string {
  try {
    return (JSON.parse(words) as string[]).join(' ')
  } catch {
    return words
  }
}

/** Without an end marker it is not a here-document: `$((1<<BITS))`. */
function takeHereDocuments(words: string, lines: string[]): string {
  return [...words.matchAll(/(?<!<)<<-?\s*['"]?([^\s'"]+)/g)]
    .flatMap(([, delimiter]) => {
      const end = lines.findIndex((line) => line.trim() === delimiter)
      return end === -1 ? [] : lines.splice(0, end + 1).slice(0, -1)
    })
    .join('\n')
}
