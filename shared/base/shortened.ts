/** Bounds a text that a client sent: answers and log lines repeat no more of it. */

/** At most so many characters, of which the last is an ellipsis where something was left out; well-formed Unicode. */
export const shortened = (text: string, mostCharacters: number): string =>
  text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 1).toWellFormed()}…`
