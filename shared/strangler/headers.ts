/** The protocol between the public service and the other system. */

/** With this code the other system refuses a write that has moved, to the platform or back: the rules of this instance are former ones. */
export const MOVED = 'moved'
/** The caller whose token the platform has verified, as `encodeURIComponent` writes it: a header holds no letter of most scripts. */
export const CALLER_HEADER = 'x-caller-sub'
export const CALLER_ROLES_HEADER = 'x-caller-roles'
/** The other system answers only if it has answered the key before, and else with 404, or that the write has moved back to it. */
export const KNOWN_ONLY_HEADER = 'x-known-only'
export const RULES_PATH = '/strangler/rules'
