/** What the shop adds to the commands and to `npm start`. No service imports it, and it is not in the image. */

import type { Tools } from '../cli/tools.ts'
import { partners } from './shop/local/partners.ts'

export const tools: Tools = {
  partners,
  seed: async (running) => (await import('./shop/local/seed.ts')).seed(running),
  nextSteps: ['npm run order -- --sku TEA-001 --quantity 2', 'npm run query -- orders'],
  queries: new URL('shop/cli/queries/', import.meta.url),
}
