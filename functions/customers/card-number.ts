/** Card numbers must never be stored: a text that looks like one is refused before. */

/** Digits as people write them, with spaces or hyphens between. */
const digitRuns = /\d(?:[ -]?\d){12,}/g
/** ISO/IEC 7812: the lengths of card numbers. */
const MIN_DIGITS = 13
const MAX_DIGITS = 19

/** Whether a text holds, anywhere in a run of digits, 13 to 19 that begin as cards do and pass the Luhn check. */
export function holdsCardNumber(text: string): boolean {
  return [...text.normalize('NFKC').matchAll(digitRuns)].some(([run]) => anyCardIn(run.replaceAll(/[ -]/g, '')))
}

function anyCardIn(digits: string): boolean {
  for (let from = 0; from + MIN_DIGITS <= digits.length; from++)
    for (let length = MIN_DIGITS; length <= MAX_DIGITS && from + length <= digits.length; length++)
      if (/[2-6]/.test(digits[from]!) && passesLuhn(digits.slice(from, from + length))) return true
  return false
}

/** ISO/IEC 7812-1, annex B. */
function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let fromRight = 0; fromRight < digits.length; fromRight++) {
    const value = Number(digits.at(-1 - fromRight)) * (fromRight % 2 === 0 ? 1 : 2)
    sum += value > 9 ? value - 9 : value
  }
  return sum % 10 === 0
}
