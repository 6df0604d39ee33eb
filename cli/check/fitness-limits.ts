/** The limits of the architecture, each with its reason. `npm run check` names the services that are beyond one (fitness.ts). */

export interface Limit {
  readonly max: number
  readonly reason: string
}

export const fitnessLimits = {
  /** Requests behind each other, from the first service that is called to the last one. */
  chainOfRequests: {
    max: 2,
    reason:
      'each link adds its latency and its outages to those of the caller: of three services with an objective of 99.9 % each, 99.7 % of such requests are answered',
  },
  /** Services that an internal service asks or submits to, over all of its handlers. */
  calledServices: {
    max: 4,
    reason:
      'a service that has to ask more others than it can decide without works as their remote control: it belongs to one of them, or subscribes to their events',
  },
  /** Requests to other services that the answer to one request of a client waits for, counted in the traces of real requests. */
  requestsPerRequest: {
    max: 3,
    reason:
      'a list that asks once for each row has more; the object, its owner and one part beside it have three, which fit a tenth of the time of a request',
  },
  /** Of 100 ways from one internal service to another: the ways that are requests, not messages. */
  percentOfRequests: {
    max: 33,
    reason:
      'a service that works while others are down is the reason to have several: where every third way waits for an answer, an outage of one is an outage of most',
  },
  /** Services that read views over the events of others in BigQuery. */
  readersOfViews: {
    max: 1,
    reason:
      'views are the one place with data of several services; one that compares the services with each other is a control, a second one would be integration by a shared database',
  },
  /** Lines of code, without tests, comments and empty lines. */
  lines: {
    max: 4_000,
    reason:
      'rewritten in four weeks: two developers for 20 working days each, at 100 lines a day that are tested and reviewed, with contracts, examples and recorded flows that say what is right',
  },
  events: {
    max: 25,
    reason: 'the events of one aggregate and its process; a service with more has two subjects, as its prefixes show',
  },
  commands: {
    max: 25,
    reason: 'each is a handler, a contract and a way to fail: a team on call knows them without looking them up',
  },
  queries: { max: 15, reason: 'more ways to ask one service show that its data are used elsewhere than they are kept' },
  /** Other services whose messages an internal service handles, sends or asks. */
  knownServices: {
    max: 5,
    reason:
      'cognitive load: a developer keeps about four to seven things in mind, and the own service is one of them; the orchestrator of a saga has one for each step',
  },
  /** Cognitive complexity of one function. */
  complexity: {
    max: 20,
    reason:
      "Sonar's limit is 15; the rules of one decision, with every refusal, are better read in one function of 20 than in two that share their state",
  },
} as const satisfies Readonly<Record<string, Limit>>

export type LimitName = keyof typeof fitnessLimits
