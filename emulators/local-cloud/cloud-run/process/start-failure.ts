/** The error of a program that did not start: its cause in the first line, then its last output. */

/** @param lastLines of its output */
export function startFailure(service: string, lastLines: readonly string[], workingDirectory: string): string {
  const cause = causeIn(lastLines.map((line) => line.trim()))?.replaceAll(`${workingDirectory}/`, '')
  return [`${service} did not start: ${cause ?? 'it printed nothing'}`, ...lastLines].join('\n')
}

/** The error that ended a Node process, with the file and line that Node prints above it. */
function causeIn(lines: readonly string[]): string | undefined {
  const at = lines.findLastIndex((line) => /^(\w*Error\b|Error \[|\S+ \[ERR_)/.test(line))
  if (at === -1) return lines.findLast((line) => line !== '' && !/^(at |Node\.js v|\(Use `node )/.test(line))
  const place = /^(file:\/\/)?(\/.*:\d+)$/
  const above = lines.slice(0, at).findLast((line) => place.test(line))
  // Node prints no line of the source above an error that it throws itself: the first frame of a file has it.
  const frame = lines.slice(at).find((line) => /^at .*file:\/\//.test(line))
  const file = above === undefined ? /file:\/\/(\/[^)]*?:\d+):\d+\)?$/.exec(frame ?? '')?.[1] : place.exec(above)?.[2]
  return `${lines[at]}${file === undefined ? '' : ` (${file})`}`
}
