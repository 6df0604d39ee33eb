/** Google's naming rules: a name that Google would refuse at apply is refused at synth, with the rule. */

interface Rule {
  readonly resource: string
  readonly pattern: RegExp
  readonly description: string
}

export const rules = {
  service: {
    resource: 'Cloud Run service',
    pattern: /^[a-z](?:[-a-z0-9]{0,47}[a-z0-9])?$/,
    description: 'lower-case letters, digits and hyphens, beginning with a letter, at most 49 characters',
  },
  account: {
    resource: 'service account',
    pattern: /^[a-z][-a-z0-9]{4,28}[a-z0-9]$/,
    description: '6 to 30 lower-case letters, digits and hyphens, beginning with a letter',
  },
  database: {
    resource: 'Firestore database',
    pattern: /^[a-z][-a-z0-9]{2,61}[a-z0-9]$/,
    description: '4 to 63 lower-case letters, digits and hyphens, beginning with a letter',
  },
  queue: {
    resource: 'Cloud Tasks queue',
    pattern: /^[A-Za-z0-9-]{1,100}$/,
    description: 'letters, digits and hyphens, at most 100',
  },
  job: {
    resource: 'Cloud Scheduler job',
    pattern: /^[A-Za-z0-9_-]{1,500}$/,
    description: 'letters, digits, hyphens and underscores, at most 500',
  },
  secret: {
    resource: 'secret of Secret Manager',
    pattern: /^[A-Za-z0-9_-]{1,255}$/,
    description: 'letters, digits, hyphens and underscores, at most 255',
  },
  topic: {
    resource: 'Pub/Sub topic or subscription',
    pattern: /^(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$/,
    description: '3 to 255 characters, beginning with a letter, not with goog',
  },
  table: {
    resource: 'BigQuery dataset or table',
    pattern: /^[A-Za-z0-9_]{1,1024}$/,
    description: 'letters, digits and underscores',
  },
} as const satisfies Record<string, Rule>

/** The limit of a DNS label, which consists of a service's name and the project's number. */
const HOST_LABEL_MAX = 63

/** @throws Error when the service's URL would be longer than Cloud Run makes it. */
export function hostLabel(service: string, projectNumber: string): string {
  const label = `${service}-${projectNumber}`
  if (label.length > HOST_LABEL_MAX)
    throw new Error(
      `"${label}" can't begin a Cloud Run URL: it is ${label.length} characters long, name and project number have at most ${HOST_LABEL_MAX} together. Shorten the service's name.`,
    )
  return label
}

/** @throws Error with the name and the rule it breaks. */
export function validName(kind: keyof typeof rules, name: string): string {
  const { resource, pattern, description } = rules[kind]
  if (!pattern.test(name)) throw new Error(`"${name}" can't name a ${resource}: it takes ${description}.`)
  return name
}
