/** Checks GitHub's workflows and actions: actions by commit, no credentials left in the checkout, only declared permissions. */

import { imagesOfWorkflow, withoutDigest } from './images.ts'
import { at, isText, listOf, readYaml, type Yaml, textsAt } from './yaml.ts'

/** `owner/action@<commit>`, followed by `# v1.2.3`. */
const pinned = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/
const version = /^['"]?\s+# v\d+\.\d+\.\d+\s*$/
/** Keys whose text is executed: `script` belongs to actions/github-script. */
const commands = ['run', 'script', 'shell']
/** Triggers that run with this repository's secrets, and that any GitHub user can cause. */
const foreign = ['pull_request_target', 'workflow_run', 'issue_comment']

export function findInWorkflow(text: string): string[] {
  const yaml = readYaml(text)
  const triggers = triggersOf(yaml.content)
  return [
    ...findInAction(text),
    ...withoutDigest(imagesOfWorkflow(yaml.content)),
    ...(JSON.stringify(at(yaml.content, 'permissions')) === '{}'
      ? []
      : ['it names no permissions, or some for all jobs — add permissions: {} and grant each job its own']),
    ...yaml.entries
      .filter(({ name, value }) => name === 'permissions' && isText(value))
      .map(({ value }) => `permissions: ${String(value)} — name the ones that are used`),
    ...triggers
      .filter((trigger) => foreign.includes(trigger))
      .map((trigger) => `${trigger} runs code of others with this repository’s secrets — use pull_request`),
    ...(triggers.includes('pull_request') ? findForPullRequests(yaml) : []),
  ]
}

/** Checks for both workflows and actions of this repository. */
export function findInAction(text: string): string[] {
  const yaml = readYaml(text)
  return [
    ...yaml.faults,
    ...findUses(yaml),
    ...findInCheckouts(yaml),
    ...findVersions(yaml),
    ...commands
      .flatMap((name) => textsAt(yaml, name))
      .flatMap((script) => script.split('\n').filter((line) => line.includes('${{')))
      .map((line) => `${line.trim()} — a command takes text of others through env:, not by \${{ }}`),
    ...yaml.texts
      .flatMap((one) => one.split('\n').filter((line) => /\blatest\b/.test(line)))
      .map((line) => `${line.trim()} — name the version`),
  ]
}

function findUses({ entries }: Yaml): string[] {
  return entries.flatMap(({ name, value, rest }) => {
    const isContainer = isText(value) && value.startsWith('docker://')
    if (isContainer && ['uses', 'image'].includes(name)) return withoutDigest([value])
    if (name !== 'uses' || (isText(value) && (value.startsWith('./') || (pinned.test(value) && version.test(rest)))))
      return []
    return [`${String(value)} is no commit — name it as owner/action@<40 hexadecimal digits> # v1.2.3`]
  })
}

function findInCheckouts({ steps }: Yaml): string[] {
  return steps
    .filter((step) => /^actions\/checkout@/i.test(String(at(step, 'uses'))))
    .filter((step) => ![false, 'false'].includes(at(at(step, 'with'), 'persist-credentials') as boolean | string))
    .map(() => 'actions/checkout leaves its token in the checkout — persist-credentials: false')
}

/** Downloads of an action: a program by version, another repository by commit. */
function findVersions({ entries, steps }: Yaml): string[] {
  const ranges = entries.filter(
    ({ name, value }) =>
      /[-_]version$/.test(name) && typeof value !== 'object' && !/^v?\d+\.\d+\.\d+$/.test(String(value)),
  )
  const others = steps.map((step) => [String(at(step, 'uses')), at(step, 'with')] as const)
  return [
    ...ranges.map(({ name, value }) => `${name}: ${String(value)} — name the version`),
    ...others
      .filter(
        ([uses, given]) =>
          /\/setup-/.test(uses) && !Object.keys(given ?? {}).some((name) => /[-_]version\b/.test(name)),
      )
      .map(([uses]) => `${uses} fetches the newest version — name one`),
    ...others
      .filter(([, given]) => at(given, 'repository') !== undefined && !/^[0-9a-f]{40}$/.test(String(at(given, 'ref'))))
      .map(([, given]) => `repository: ${String(at(given, 'repository'))} is no commit — ref: <40 hexadecimal digits>`),
  ]
}

/** The author of a pull request controls the code that it runs. */
function findForPullRequests({ entries, texts }: Yaml): string[] {
  const rights = entries
    .filter(({ name }) => name === 'permissions')
    .flatMap(({ value }) => Object.entries(value ?? {}))
  const secrets = texts.flatMap((one) => /\bsecrets\b\s*[.[)}]\S*/.exec(one)?.[0] ?? [])
  const inherited = entries.filter(({ name }) => name === 'secrets').map(({ value }) => `secrets: ${String(value)}`)
  return [
    ...rights
      .filter(([, right]) => right === 'write')
      .map(([name]) => `a pull request gets ${name}: write — do that in a workflow of its own, on push`),
    ...[...secrets, ...inherited].map(
      (secret) => `a pull request gets ${secret} — do that in a workflow of its own, on push`,
    ),
  ]
}

function triggersOf(content: unknown): string[] {
  const on = at(content, 'on')
  return isText(on) || Array.isArray(on) ? listOf(on).filter(isText) : Object.keys(on ?? {})
}
