/** Where `npm run legacy` listens unless another port is typed. */
export const LEGACY_PORT = 4090
