/** Country codes for the country names in the file, which are not standardized. */

const LETTERS = Array.from({ length: 26 }, (_, index) => String.fromCodePoint(65 + index))
/** Names that are not current English country names. */
const aliases: Readonly<Record<string, string>> = { EIRE: 'IE', USA: 'US', RSA: 'ZA', 'CHANNEL ISLANDS': 'JE' }
/** The wholesaler's country, for "Unspecified" and "European Community". */
const HOME = 'GB'

let byName: Map<string, string> | undefined

/** ISO 3166-1 alpha-2 of a country by its English name. */
export function countryCode(name: string): string {
  byName ??= namesOfRegions()
  return aliases[name.toUpperCase()] ?? byName.get(name.toUpperCase()) ?? HOME
}

function namesOfRegions(): Map<string, string> {
  const english = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })
  const codes = LETTERS.flatMap((first) => LETTERS.map((second) => `${first}${second}`))
  return new Map(
    codes
      // Withdrawn codes are aliases of current ones.
      .filter((code) => new Intl.Locale('und', { region: code }).region === code)
      .flatMap((code) => {
        const name = english.of(code)
        return name === undefined ? [] : [[name.toUpperCase(), code] as const]
      }),
  )
}
