/** Firestore's calls that write, for faults: a write that meets others goes with them, and one that is alone by itself. */
export const commits = ['google.firestore.v1.Firestore.Commit', 'google.firestore.v1.Firestore.BatchWrite'] as const
