/** Commands that install: only `npm ci --ignore-scripts`, which takes the lockfile's packages and runs none of their scripts. */

const remedy = 'only npm ci --ignore-scripts installs what the lockfile names, and runs no script'
const installs =
  /\b(?:npm (?:ci|install|i|add|update|exec)|npx|(?:yarn|pnpm|bun) (?:install|add|dlx|x)|(?:curl|wget) [^|]*\|\s*(?:ba)?sh)\b.*/g

/** In Dockerfiles, workflows and scripts. */
export function findInShell(text: string): string[] {
  const lines = text.replaceAll(/\\\n/g, ' ').split('\n')
  return lines
    .filter((line) => !line.trim().startsWith('#'))
    .flatMap((line) => line.match(installs) ?? [])
    .filter((command) => !/^npm ci\b.* --ignore-scripts\b/.test(command))
    .map((command) => `${command.trim()} — ${remedy}`)
}

/** In programs that start npm with a list of arguments. */
export function findInCode(text: string): string[] {
  if (!/['"]npm['"]/.test(text)) return []
  const words = text.matchAll(/'(ci|install|i|add|update|exec)',(?!\s*'--ignore-scripts')/g)
  return [...words].map(([, word]) => `npm ${word} — ${remedy}`)
}
