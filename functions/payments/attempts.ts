/** The further attempts of a request that the provider has refused for the moment. */

/** The wait before each of them, over a day and a half. */
export const RETRY_WAITS_MS = [1, 10, 60, 6 * 60, 24 * 60].map((minutes) => minutes * 60_000)
