/** A copy of the sources without the shop, with the business of docs/your-own.md, made by that page's commands, files and changes. */

import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Copy, copyOfSources } from '../../support/copy.ts'
import { applyBlock, type Block, blocksOf, runShell } from '../../support/document-blocks.ts'

const page = 'docs/your-own.md'

/** The shell block of that step (its number in the heading), unchanged. */
export function commandsOfStep(copy: Copy, step: number): string {
  const text = blocksOfSteps(copy, step, step)
    .filter(({ language, text: block }) => language === 'sh' && block !== 'npm start\n')
    .map((block) => block.text)
    .join('')
  if (text === '') throw new Error(`Step ${step} of ${page} has no commands.`)
  return text
}

/** Follows the page up to its check. @throws Error with the output of a command that fails. */
export async function ownBusinessCopy(): Promise<Copy> {
  const copy = copyOfSources()
  for (const block of blocksOfSteps(copy, 1, 6)) {
    if (block.language !== 'sh') {
      applyBlock(copy, block)
      continue
    }
    const { code, output } = await runShell(block.text, { cwd: copy.root })
    if (code !== 0) throw new Error(`The commands of "${block.section}" in ${page} ended with ${code}: ${output}`)
    if (block.section.startsWith('1.')) removePackages(copy)
  }
  return copy
}

const blocksOfSteps = (copy: Copy, from: number, to: number): readonly Block[] =>
  blocksOf(copy.read(page)).filter(
    ({ section }) => Number.parseInt(section, 10) >= from && Number.parseInt(section, 10) <= to,
  )

/** As the next command does by `npm ci`, which would download the packages that are links in a copy. */
function removePackages(copy: Copy): void {
  const installed = join(copy.root, 'node_modules', '.package-lock.json')
  rmSync(installed)
  copyFileSync(join(copy.root, 'package-lock.json'), installed)
}
