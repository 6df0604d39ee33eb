/** A call of the Admin API as a command line, for messages that name a remedy. */

/** In single quotes for a shell, whatever the names in it hold. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

export const curl = (method: string, url: string, body: object): string =>
  `curl -X ${method} ${quoted(url)} -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))}`
