/** Bounds a text that a client sent: answers and log lines repeat no more of it. */

/** At most so many characters, of which the last is an ellipsis where something was left out; well-formed Unicode. */
export const shortened = (text: string, maxCharacters: number): string =>
  text.length <= maxCharacters ? text : `${text.slice(0, maxCharacters - 1).toWellFormed()}…`
