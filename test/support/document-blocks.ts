/** The code blocks of documents: commands that tests run, files and changes that tests apply to a copy. */

import { spawn } from 'node:child_process'
import type { Copy } from './copy.ts'

export interface Block {
  /** Of the fence: `sh`, `ts`, `diff`; empty when it has none. */
  readonly language: string
  readonly text: string
  /** The heading above it. */
  readonly section: string
  /** The path that the text before it names last; empty when it names none. */
  readonly file: string
}

/** All code blocks of a document, in order. */
export function blocksOf(document: string): readonly Block[] {
  const blocks: Block[] = []
  let section = ''
  let rest = 0
  for (const { 0: whole, index, groups } of document.matchAll(
    /^(?:#+ (?<heading>.+)|```(?<language>\w*)\n(?<text>[\s\S]*?)^```)$/gm,
  )) {
    const { heading, language = '', text = '' } = groups!
    if (heading === undefined) {
      const before = document.slice(rest, index)
      const file = [...before.matchAll(/`([\w./-]+\.(?:ts|json|mjs|py))`/g)].at(-1)?.[1] ?? ''
      blocks.push({ language, text, section, file })
    } else section = heading
    rest = index + whole.length
  }
  return blocks
}

/** The lines `# → TEXT` of a shell block: what the commands print, where `…` stands for anything. */
export const expectedOf = (text: string): readonly RegExp[] =>
  [...text.matchAll(/^# → (.+)$/gm)].map(([, line]) => new RegExp(line!.split('…').map(escaped).join('[\\s\\S]*')))

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

/** Writes the file that a block shows, or applies its change: hunks of `-`, `+` and kept lines, parted by `@@`. */
export function applyBlock(copy: Copy, { language, text, file }: Block): void {
  if (file === '') throw new Error(`No path before this block: ${text.slice(0, 80)}`)
  if (language !== 'diff') return copy.write(file, text)
  for (const hunk of text.split(/^@@\n/m)) {
    const lines = hunk.split('\n').slice(0, -1)
    const side = (dropped: string): string =>
      lines
        .filter((line) => !line.startsWith(dropped))
        .map((line) => `${line.slice(1)}\n`)
        .join('')
    copy.replace(file, side('+'), side('-'))
  }
}

/**
 * A function of the shell that takes npm's place: it runs the script of `npm run -s NAME -- ARGUMENTS` in the current folder, without
 * npm's own start, which takes as long as most commands.
 */
export function npmFunction(scripts: Readonly<Record<string, string>>): string {
  const cases = Object.entries(scripts).map(([name, command]) => `    ${name}) ${command} "$@" ;;`)
  return `npm() {
  [ "$1" = run ] || { echo "npm $*: only npm run is known here" >&2; return 1; }
  shift
  [ "$1" != -s ] || shift
  local script=$1
  shift
  [ $# = 0 ] || { [ "$1" = -- ] || { echo "npm takes $1 for itself: put -- before it" >&2; return 1; }; shift; }
  case $script in
${cases.join('\n')}
    *) echo "There is no script $script" >&2; return 1 ;;
  esac
}
`
}

export interface ShellResult {
  readonly code: number | null
  readonly output: string
}

/** Runs the lines by one shell, which ends at the first command that fails. */
export function runShell(
  lines: string,
  { cwd, env = {} }: { cwd: string; env?: Record<string, string> },
): Promise<ShellResult> {
  return new Promise((resolve) => {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', lines], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
    child.stderr.on('data', (chunk: Buffer) => (output += String(chunk)))
    child.on('close', (code) => resolve({ code, output }))
  })
}
