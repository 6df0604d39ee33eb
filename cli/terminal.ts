/** All output to the terminal goes through here: control characters in it are escaped. */

/**
 * Control characters (C0, DEL, C1), unpaired surrogates, line separators, and characters that turn the direction of text
 * or are invisible. Joiners and variation selectors are kept, because emoji and some scripts need them.
 */
const CONTROL_CHARACTERS =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]|(?!\p{Variation_Selector}|\p{Join_Control})\p{Default_Ignorable_Code_Point}/gu

/** Escapes each such character as JSON does (`\u001b`; a surrogate pair as two escapes). The result is one line. */
export const shown = (text: string): string =>
  text.replaceAll(CONTROL_CHARACTERS, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  )

/** The same for a text of several lines, with its line feeds kept. */
const shownLines = (text: string): string => text.split('\n').map(shown).join('\n')

export const say = (text: string): void => console.log(shownLines(text))
export const printError = (text: string): void => console.error(shownLines(text))

export const isTerminal = (stream: 'stdout' | 'stderr' = 'stdout'): boolean => process[stream].isTTY

/** Infinity for output that is no terminal. */
export const terminalColumns = (): number => (isTerminal() ? process.stdout.columns : Infinity)

/** Writes a progress line that the next one replaces. Use on a terminal only. */
export const sayProgress = (text: string): void => void process.stderr.write(`\r${shown(text)}\r`)

/** Additional escapes in JSON do not change its meaning: programs read the original values. */
export const sayJson = (value: unknown): void => say(JSON.stringify(value, undefined, 2))
