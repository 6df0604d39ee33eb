/** What a shell would run, as far as the text says it: what a variable holds is not looked for. */

/**
 * The words of each command. Quotes go, so that the command in `sh -c '…'` is read like any other; so does a comment that
 * has its line to itself. Between two commands stands whatever a shell takes for a border.
 */
export function commandsOf(script: string): string[][] {
  return script
    .replaceAll(/\\\r?\n/g, ' ')
    .replaceAll(/^\s*#.*$/gm, '')
    .split(/[\n;&|(){}`]+/)
    .map(wordsOf)
    .filter((words) => words.length > 0)
}

const wordsOf = (command: string): string[] =>
  command
    .replaceAll(/\d*[<>]+\s*\S*/g, ' ')
    .replaceAll(/['"\\]/g, '')
    .split(/\s+/)
    .filter((word) => word !== '')
