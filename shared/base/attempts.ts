/** The limit of deliveries, in the one place that stacks, services and commands read it from. */

/**
 * Deliveries of a message before it is dead-lettered: those of an event, which Pub/Sub counts, and those of a command,
 * which its owner counts, since Cloud Tasks deletes a task that has used up its attempts. A replay has as many.
 */
export const MAX_DELIVERY_ATTEMPTS = 20
