/** Dates and times: parts, differences, formats. Weeks begin on Sunday, unless said otherwise; a zone is UTC. */

import { invalidArgument } from '../../core/status.ts'
import { closes, type Reader, type Clauses } from './reader.ts'

export type Rewrite = (args: readonly string[], name: string) => string

const dateParts = ['DAY', 'WEEK', 'ISOWEEK', 'MONTH', 'QUARTER', 'YEAR']
const clockParts = ['MICROSECOND', 'MILLISECOND', 'SECOND', 'MINUTE', 'HOUR']
const weekdays = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY']

/** The part's name, upper case, and for weeks the day on which they begin. @throws INVALID_ARGUMENT for a part that is not allowed. */
function part(
  argument: string | undefined,
  allowed: readonly string[],
  name: string,
): { part: string; begins: number } {
  const written = (argument ?? '').trim().replaceAll('"', '').toUpperCase()
  const week = /^BQ_WEEK\((\w+)\)$/.exec(written)
  const found = week ? 'WEEK' : written
  if (!allowed.includes(found) || (week && !weekdays.includes(week[1]!)))
    throw invalidArgument(`A valid date part name is required but found ${written} in ${name}: ${allowed.join(', ')}.`)
  return { part: found, begins: week ? weekdays.indexOf(week[1]!) : found === 'ISOWEEK' ? 1 : 0 }
}

/** A literal or a parameter, in any number of parentheses: BigQuery coerces these texts alone. */
const isTextConstant = (argument: string): boolean => /^\(*(?:'(?:[^']|'')*'|\$\w+)\)*$/.test(argument)
const asDate = (argument: string): string => `${isTextConstant(argument) ? 'bq_date_of_text' : 'bq_date'}(${argument})`
const asTimestamp = (argument: string): string =>
  `${isTextConstant(argument) ? 'bq_timestamp_of_text' : 'bq_timestamp'}(${argument})`
const asDatetime = (argument: string): string =>
  isTextConstant(argument) ? `bq_cast_datetime(${argument})` : `(bq_time(${argument}))::TIMESTAMP`
const timeOf = (argument: string): string => (isTextConstant(argument) ? argument : `bq_time(${argument})`)

/** The day on which the week of `date` begins. */
const weekOf = (date: string, begins: number): string =>
  `(${date} - ((dayofweek(${date}) - ${begins} + 7) % 7)::INTEGER)`

function truncatedDate(date: string, { part: unit, begins }: { part: string; begins: number }): string {
  if (unit.endsWith('WEEK')) return `(${weekOf(date, begins)})::DATE`
  return `(date_trunc('${unit.toLowerCase()}', ${date}))::DATE`
}

/** The number of beginnings of the chosen part (day, week, month …) between the two dates. */
function dateDifference(later: string, earlier: string, chosen: { part: string; begins: number }): string {
  if (!chosen.part.endsWith('WEEK')) return `date_diff('${chosen.part.toLowerCase()}', ${earlier}, ${later})`
  return `(date_diff('day', ${weekOf(earlier, chosen.begins)}, ${weekOf(later, chosen.begins)}) // 7)::BIGINT`
}

const moved =
  (sign: '+' | '-', type: 'DATE' | 'TIMESTAMPTZ'): Rewrite =>
  ([from, interval], name) => {
    const unit = /^bq_(\w+)s\(/.exec(interval!)?.[1]?.toUpperCase()
    const allowed = type === 'DATE' ? dateParts : [...clockParts, 'DAY']
    if (!unit || !allowed.includes(unit))
      throw invalidArgument(`${name} takes an INTERVAL of ${allowed.join(', ')}, not ${unit ?? interval}.`)
    return type === 'DATE'
      ? `bq_day(((${asDate(from!)} ${sign} ${interval}))::DATE)`
      : `bq_instant(${asTimestamp(from!)} ${sign} ${interval})`
  }

/** GoogleSQL's format specifiers → DuckDB's with the same meaning. */
const specifiers: Readonly<Record<string, string>> = {
  ...Object.fromEntries('Y m d H M S y j b B a A p I G V u %'.split(' ').map((one) => [one, `%${one}`])),
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  R: '%H:%M',
  D: '%m/%d/%y',
}

function format(argument: string, name: string, allowed: string = Object.keys(specifiers).join('')): string {
  if (!argument.startsWith("'")) throw invalidArgument(`${name} takes its format as a literal in the local cloud.`)
  return argument.replaceAll(/%(.)/gs, (written, one: string) => {
    const known = allowed.includes(one) ? specifiers[one] : undefined
    if (known === undefined) throw invalidArgument(`${name} does not know ${written} in the local cloud.`)
    return known
  })
}

/** The format elements of a DATE. An element of a time, such as `%H`, does not format midnight at Google. */
const partsOfDays = 'YmdjbBaAGVuFDy%'

/** The specifiers that PARSE_DATE and PARSE_TIMESTAMP accept. */
const readable = 'YmdHMSFT%'

/** A year that is not in the format is 1900 in DuckDB, and 1970 at Google. */
function readFormat(argument: string, name: string): string {
  const translated = format(argument, name, readable)
  if (!/^(?:[^%]|%[^Y])*%Y/s.test(translated))
    throw invalidArgument(`${name} takes a format with a year, %Y or %F, in the local cloud: ${argument}`)
  return translated
}

export const dateFunctions: Readonly<Record<string, Rewrite>> = {
  // The unit in DATE_TRUNC(…, WEEK(MONDAY)): `part` reads this text.
  WEEK: ([day]) => `bq_week(${day})`,
  DATE: (args, name) => {
    if (args.length === 3) return `bq_day(make_date(${args.join(', ')}))`
    if (args.length === 2)
      throw invalidArgument(`No matching signature for function ${name}: the local cloud has no time zone but UTC.`)
    return `bq_cast_date(${timeOf(args[0]!)})`
  },
  DATETIME: ([value]) => `bq_cast_datetime(${timeOf(value!)})`,
  TIMESTAMP: ([value]) => `bq_cast_timestamp(${value})`,
  TIMESTAMP_MILLIS: ([value]) => `bq_instant(make_timestamptz(bq_int64(${value}) * 1000))`,
  TIMESTAMP_SECONDS: ([value]) => `bq_instant(make_timestamptz(bq_int64(${value}) * 1000000))`,
  TIMESTAMP_MICROS: ([value]) => `bq_instant(make_timestamptz(bq_int64(${value})))`,
  UNIX_SECONDS: ([value]) => `(floor(epoch_us(${asTimestamp(value!)}) / 1000000))::BIGINT`,
  UNIX_MILLIS: ([value]) => `(floor(epoch_us(${asTimestamp(value!)}) / 1000))::BIGINT`,
  UNIX_MICROS: ([value]) => `epoch_us(${asTimestamp(value!)})`,
  UNIX_DATE: ([value]) => `date_diff('day', DATE '1970-01-01', ${asDate(value!)})`,
  CURRENT_TIMESTAMP: () => 'now()',
  CURRENT_DATE: () => 'now()::DATE',
  TIMESTAMP_DIFF: ([later, earlier, unit], name) => {
    const chosen = part(unit, [...clockParts, 'DAY'], name)
    return `date_sub('${chosen.part.toLowerCase()}', ${asTimestamp(earlier!)}, ${asTimestamp(later!)})`
  },
  DATE_DIFF: ([later, earlier, unit], name) =>
    dateDifference(asDate(later!), asDate(earlier!), part(unit, dateParts, name)),
  DATETIME_DIFF: ([later, earlier, unit], name) => {
    const chosen = part(unit, [...clockParts, 'DAY', 'MONTH', 'QUARTER', 'YEAR'], name)
    return `date_diff('${chosen.part.toLowerCase()}', ${asDatetime(earlier!)}, ${asDatetime(later!)})`
  },
  TIMESTAMP_ADD: moved('+', 'TIMESTAMPTZ'),
  TIMESTAMP_SUB: moved('-', 'TIMESTAMPTZ'),
  DATE_ADD: moved('+', 'DATE'),
  DATE_SUB: moved('-', 'DATE'),
  DATE_TRUNC: ([value, unit], name) => truncatedDate(asDate(value!), part(unit, dateParts, name)),
  TIMESTAMP_TRUNC: ([value, unit], name) => {
    const chosen = part(unit, [...clockParts, ...dateParts], name)
    if (chosen.part.endsWith('WEEK')) return `(${truncatedDate(`(${asTimestamp(value!)})::DATE`, chosen)})::TIMESTAMPTZ`
    return `date_trunc('${chosen.part.toLowerCase()}', ${asTimestamp(value!)})`
  },
  FORMAT_TIMESTAMP: ([form, value], name) => `strftime((${asTimestamp(value!)})::TIMESTAMP, ${format(form!, name)})`,
  FORMAT_DATE: ([form, value], name) => `strftime(${asDate(value!)}, ${format(form!, name, partsOfDays)})`,
  PARSE_DATE: ([form, value], name) => `(bq_parse_time(${value}, ${readFormat(form!, name)}))::DATE`,
  PARSE_TIMESTAMP: ([form, value], name) => `(bq_parse_time(${value}, ${readFormat(form!, name)}))::TIMESTAMPTZ`,
  GENERATE_DATE_ARRAY: ([from, to, step = 'bq_days(1)'], name) => {
    const [, unit = '', count] = /^bq_(\w+)s\((.*)\)$/s.exec(step) ?? []
    const size = { day: 1, week: 7, month: 1, quarter: 3, year: 12 }[unit]
    if (size === undefined) throw invalidArgument(`${name} takes an INTERVAL of ${dateParts.join(', ')}, not ${step}.`)
    const array = unit === 'day' || unit === 'week' ? 'bq_days_array' : 'bq_months_array'
    return `${array}(${asDate(from!)}, ${asDate(to!)}, ${size} * (${count}))`
  },
}

const extracts: Readonly<Record<string, (value: string) => string>> = {
  ...Object.fromEntries(
    ['YEAR', 'QUARTER', 'MONTH', 'DAY'].map((one) => [one, (value: string) => `EXTRACT(${one} FROM ${value})`]),
  ),
  ...Object.fromEntries(
    ['HOUR', 'MINUTE', 'SECOND'].map((one) => [one, (value: string) => `EXTRACT(${one} FROM bq_with_clock(${value}))`]),
  ),
  DAYOFWEEK: (value) => `(dayofweek(${value}) + 1)`,
  DAYOFYEAR: (value) => `dayofyear(${value})`,
  WEEK: (value) => `(strftime((${value})::TIMESTAMP, '%U'))::BIGINT`,
  ISOWEEK: (value) => `weekofyear(${value})`,
  ISOYEAR: (value) => `EXTRACT(isoyear FROM ${value})`,
  MILLISECOND: (value) => `(EXTRACT(millisecond FROM bq_with_clock(${value})) % 1000)`,
  MICROSECOND: (value) => `(EXTRACT(microsecond FROM bq_with_clock(${value})) % 1000000)`,
  DATE: (value) => `(${value})::DATE`,
  DATETIME: (value) => `(bq_with_clock(${value}))::TIMESTAMP`,
  TIME: (value) => `(bq_with_clock(${value}))::TIMESTAMP::TIME`,
}

/** Days before the first such day of a year are in week 0. */
const weekNumber = (begins: number) => (value: string) => {
  const day = `(${value})::DATE`
  return `((dayofyear(${day}) + 6 - (dayofweek(${day}) - ${begins} + 7) % 7) // 7)::BIGINT`
}

/** `EXTRACT(part FROM value)`. */
export function extract(reader: Reader, clauses: Clauses): string {
  reader.expect('(')
  const chosen = reader.take().text.toUpperCase()
  const begins = reader.takeIf('(') ? weekdays.indexOf(reader.take().text.toUpperCase()) : undefined
  if (begins !== undefined) reader.expect(')')
  const rewrite = begins === undefined ? extracts[chosen] : begins < 0 ? undefined : weekNumber(begins)
  if (!rewrite) throw invalidArgument(`A valid date part name is required but found ${chosen} in EXTRACT.`)
  reader.expect('FROM')
  const value = clauses(reader, closes)
  reader.expect(')')
  return rewrite(`bq_time(${value})`)
}
