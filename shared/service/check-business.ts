/** Refuses settings, goals and other values of a business whose names match nothing that it declares: they would be ignored in silence. */

import { type Business, type Deployment, servicesOf } from './business.ts'

/** @throws Error that names the settings, goals, minimums of instances or deliveries that belong to nothing, and the known names. */
export function checkBusiness(business: Business, deployment: Deployment): void {
  const services = servicesOf(business)
  const objectives = services.flatMap(({ saga, requestObjectives }) => [
    ...(saga?.objective ? [saga.objective.name] : []),
    ...requestObjectives.map(({ name }) => name),
  ])
  const checks: readonly (readonly [kind: string, given: object, known: readonly string[], owners: string])[] = [
    [
      'settings',
      business.settings(deployment),
      services.flatMap(({ settings }) => settings.map(({ name }) => name)),
      'setting that a service lists',
    ],
    ['goals', business.goals(deployment), objectives, 'objective of a service'],
    ['minInstances', business.minInstances?.(deployment) ?? {}, services.map(({ name }) => name), 'service'],
    [
      'delivery',
      business.delivery?.(deployment) ?? {},
      services.filter(({ on }) => on.length > 0).map(({ name }) => name),
      'service with events',
    ],
  ]
  for (const [kind, given, known, owners] of checks)
    checkKnown(Object.keys(given), known, `${kind} of the business for the environment ${deployment.name}`, owners)
}

/** @throws Error that names the names that are not known. */
export function checkKnown(names: readonly string[], known: readonly string[], place: string, owner: string): void {
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length === 0) return
  const list = known.length > 0 ? [...new Set(known)].toSorted().join(', ') : 'no name'
  throw new Error(
    `${unknown.join(', ')} in the ${place}: there is no such ${owner}. Correct the name or take it out. Known: ${list}.`,
  )
}
