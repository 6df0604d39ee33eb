/** The commands that a shell would run, as far as the text shows them: values of variables are unknown. */

/**
 * The words of each command. Quotes are removed, so that the command in `sh -c '…'` is read like any other; comment lines
 * are removed too. Commands are separated by the shell's separators.
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
