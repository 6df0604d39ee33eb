/** Text that may hold what a stranger sent, of bounded length: an answer and a log line echo no more than that. */

/** At most so many characters, of which the last is an ellipsis where something was left out; well-formed Unicode. */
export const shortened = (text: string, mostCharacters: number): string =>
  text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 1).toWellFormed()}…`
