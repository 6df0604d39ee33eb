/** The running side of each service: imported when it runs, and never when it is only described. */

import type { ServiceApp } from '../shared/service/service-app.ts'

/** @param name Of a service in `index.ts`: its handlers are the export `app` of `functions/NAME/app.ts`. */
export async function loadApp(name: string): Promise<ServiceApp> {
  const { app } = (await import(`./${name}/app.ts`)) as { readonly app: ServiceApp }
  return app
}
