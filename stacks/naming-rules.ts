/** Names that Google would refuse at apply are refused at synth, with the rule. */

interface Rule {
  readonly what: string
  readonly pattern: RegExp
  readonly says: string
}

export const rules = {
  service: {
    what: 'Cloud Run service',
    pattern: /^[a-z](?:[-a-z0-9]{0,47}[a-z0-9])?$/,
    says: 'lower-case letters, digits and hyphens, beginning with a letter, at most 49 characters',
  },
  account: {
    what: 'service account',
    pattern: /^[a-z][-a-z0-9]{4,28}[a-z0-9]$/,
    says: '6 to 30 lower-case letters, digits and hyphens, beginning with a letter',
  },
  database: {
    what: 'Firestore database',
    pattern: /^[a-z][-a-z0-9]{2,61}[a-z0-9]$/,
    says: '4 to 63 lower-case letters, digits and hyphens, beginning with a letter',
  },
  queue: {
    what: 'Cloud Tasks queue',
    pattern: /^[A-Za-z0-9-]{1,100}$/,
    says: 'letters, digits and hyphens, at most 100',
  },
  topic: {
    what: 'Pub/Sub topic or subscription',
    pattern: /^(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$/,
    says: '3 to 255 characters, beginning with a letter, not with goog',
  },
  table: {
    what: 'BigQuery dataset or table',
    pattern: /^[A-Za-z0-9_]{1,1024}$/,
    says: 'letters, digits and underscores',
  },
} as const satisfies Record<string, Rule>

/** A DNS label, which holds a service's name and its project's number. */
const HOST_LABEL_MAX = 63

/** @throws Error when the service's URL would be longer than Cloud Run makes it. */
export function hostLabel(service: string, projectNumber: string): string {
  const label = `${service}-${projectNumber}`
  if (label.length > HOST_LABEL_MAX)
    throw new Error(
      `"${label}" can't begin a Cloud Run URL: it is ${label.length} characters long, name and project number have ${HOST_LABEL_MAX} together.`,
    )
  return label
}

/** @throws Error with the name and the rule it breaks. */
export function named(kind: keyof typeof rules, name: string): string {
  const { what, pattern, says } = rules[kind]
  if (!pattern.test(name)) throw new Error(`"${name}" can't name a ${what}: it takes ${says}.`)
  return name
}
