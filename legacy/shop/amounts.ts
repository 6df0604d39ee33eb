/** Amounts as the old shop writes them: euros as text, with a point and two digits. */

const AMOUNT = /^(?<euros>\d{1,7})\.(?<cents>\d{2})$/

export const isAmount = (text: unknown): text is string => typeof text === 'string' && AMOUNT.test(text)

/** @throws Error for a text that is no amount */
export function centsOf(text: string): number {
  const { euros, cents } = AMOUNT.exec(text)?.groups ?? {}
  if (euros === undefined || cents === undefined) throw new Error(`"${text}" is no amount: write it as 11.90.`)
  return Number(euros) * 100 + Number(cents)
}

export const amountOf = (cents: number): string => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`
