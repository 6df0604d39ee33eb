/**
 * The currencies in use, by ISO 4217: the codes that dinero.js has, from which the command line and the views have their digits.
 * Services do not import it for a list of names; currencies.test.ts compares the two.
 */
export const currencyCodes: readonly string[] = [
  'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW',
  'CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG',
  'HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK',
  'MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR',
  'SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW',
  'UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF YER ZAR ZMW ZWG',
].flatMap((line) => line.split(' '))

/** The currencies whose minor unit is not the hundredth, by its decimal digits. Services do not import dinero.js for them; currencies.test.ts compares. */
export const otherDigits: Readonly<Record<number, readonly string[]>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' '),
  3: 'BHD IQD JOD KWD LYD OMR TND'.split(' '),
  4: 'CLF UYW'.split(' '),
}

/** The decimal digits of a currency's minor unit, by ISO 4217. */
export function digitsOf(currency: string): number {
  const other = Object.entries(otherDigits).find(([, codes]) => codes.includes(currency))
  return other ? Number(other[0]) : 2
}

/** With the digits of ISO 4217, such as `EUR 11.90`: those of `Intl` are customary ones, fewer for sixteen currencies. */
export function amountText({
  amountMinor,
  currency,
}: {
  readonly amountMinor: number
  readonly currency: string
}): string {
  const digits = digitsOf(currency)
  const format = new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return `${currency} ${format.format(amountMinor / 10 ** digits)}`
}

/**
 * SQL for the value of a currency's minor unit in major units: 1 for JPY, 0.001 for KWD, 0.01 for nearly all others. By
 * ISO 4217, which also has 0.01 for the two currencies whose coins are fifths. @param currency SQL for the code
 */
export function minorUnitSql(currency: string): string {
  const cases = Object.entries(otherDigits).flatMap(([digits, codes]) =>
    codes.map((code) => `WHEN '${code}' THEN NUMERIC '${(10 ** -Number(digits)).toFixed(Number(digits))}'`),
  )
  return `CASE ${currency} ${cases.join(' ')} ELSE NUMERIC '0.01' END`
}
