/** The one way to a terminal: what came from elsewhere is shown, and never obeyed. */

/**
 * Control characters (C0, DEL, C1), unpaired surrogates, line separators, and characters that turn the direction of text
 * or are invisible. Joiners and variation selectors stay, which emoji and some scripts are written with.
 */
const OBEYED =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]|(?!\p{Variation_Selector}|\p{Join_Control})\p{Default_Ignorable_Code_Point}/gu

/** One text from elsewhere, on one line: each such character as JSON would write it, `\u001b`, a large one as two. */
export const shown = (text: string): string =>
  text.replaceAll(OBEYED, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  )

/** The same, but for line feeds: of a text that is made of lines. */
const shownLines = (text: string): string => text.split('\n').map(shown).join('\n')

export const say = (text: string): void => console.log(shownLines(text))
export const complain = (text: string): void => console.error(shownLines(text))

export const isTerminal = (stream: 'stdout' | 'stderr' = 'stdout'): boolean => process[stream].isTTY

/** One line that the next one replaces, of a wait: on a terminal only. */
export const sayMeanwhile = (text: string): void => void process.stderr.write(`\r${shown(text)}\r`)

/** What is escaped in JSON beyond what `JSON.stringify` escapes means the same: programs read it as it was. */
export const sayJson = (value: unknown): void => say(JSON.stringify(value, undefined, 2))
