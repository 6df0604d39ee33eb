/** GitHub's workflows: actions by commit, no credentials left in the checkout, no rights that are not named. */

/** `uses: owner/action@<commit> # v1.2.3` */
const pinned = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/

export function findInWorkflow(text: string): string[] {
  const uses = [...text.matchAll(/^\s*(?:- )?uses:\s*(.+?)\s*$/gm)].map(([, action]) => action!)
  const checkouts = uses.filter((action) => action.startsWith('actions/checkout@')).length
  const withoutCredentials = text.match(/^\s+persist-credentials: false$/gm)?.length ?? 0
  return [
    ...uses
      .filter((action) => !pinned.test(action) && !action.startsWith('./'))
      .map((action) => `${action} is no commit — name it as owner/action@<40 hexadecimal digits> # v1.2.3`),
    ...(checkouts > withoutCredentials
      ? ['actions/checkout leaves its token in the checkout — persist-credentials: false']
      : []),
    ...(/^permissions:/m.test(text)
      ? []
      : ['it names no permissions — add permissions: {} and grant each job its own']),
    ...(/^\s*permissions: write-all/m.test(text) ? ['permissions: write-all — name the ones that are used'] : []),
    ...(/\bpull_request_target\b/.test(text)
      ? ['pull_request_target runs code of a fork with this repository’s secrets — use pull_request']
      : []),
    ...(text.match(/^.*\brun:.*\$\{\{.*$/gm) ?? []).map(
      (line) => `${line.trim()} — a command takes what others write through env:, not by \${{ }}`,
    ),
    ...(text.match(/^\s*[^#\n]*\blatest\b.*$/gm) ?? []).map((line) => `${line.trim()} — name the version`),
  ]
}
