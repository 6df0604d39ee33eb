/** Names of queues and tasks. */

export const queueName = /^projects\/[^/]+\/locations\/[^/]+\/queues\/[A-Za-z0-9-]{1,100}$/
/** The last part of a task's name. */
export const taskId = /^[A-Za-z0-9_-]{1,500}$/

export const queueOfTask = (name: string): string => name.split('/tasks/')[0]!
