/** Limits of IAM: https://cloud.google.com/iam/quotas */

export const limits = {
  /** Members of one policy. */
  policyMembers: 1500,
  displayNameBytes: 100,
  descriptionBytes: 256,
  /** Service accounts in one answer. */
  accountsPerPage: 100,
  /** If the request does not say how many. */
  defaultAccountsPerPage: 20,
} as const
