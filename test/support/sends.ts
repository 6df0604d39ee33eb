/** The send log of notifications: a document for each order, in which each event of which its customer was notified has an entry. */

export interface Sent {
  readonly id: string
  readonly orderId: string
  readonly eventType: string
  readonly time: string
  readonly text: string
}

/** The entries of documents of the send log. */
export const sentIn = (documents: readonly object[]): Sent[] =>
  documents.flatMap((document) => {
    const { orderId, sends } = document as { orderId: string; sends: Readonly<Record<string, Omit<Sent, 'id'>>> }
    return Object.entries(sends).map(([id, one]) => ({ ...one, id, orderId }))
  })
