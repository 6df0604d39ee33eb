/** Limits of Secret Manager: https://cloud.google.com/secret-manager/quotas */

export const limits = {
  payloadBytes: 64 * 1024,
  secretIdCharacters: 255,
  labels: 64,
  annotationsBytes: 16 * 1024,
  aliases: 50,
  aliasCharacters: 63,
  pageSize: 25_000,
} as const
