/**
 * The kinds of text that messages, requests and tokens may hold. Every string of a contract is of one of them, so that every store accepts
 * a text that one of them accepts: BigQuery refuses an unpaired surrogate, Firestore an over-long name, a terminal obeys
 * a control character.
 */

import { z } from 'zod'

export interface TextLimit {
  /** Unicode code points. */
  readonly characters: number
  /** In UTF-8. */
  readonly bytes: number
}

interface Kind {
  readonly name: 'identifier' | 'free text'
  /** Of one whole value that keeps the kind. */
  readonly pattern: RegExp
  /** One character that the kind refuses. */
  readonly refused: RegExp
  /** Describes for people which texts it refuses. */
  readonly refusal: string
}

/** In JSON Schema's form too, so without lookaround, which not every client's expressions have. */
const VISIBLE = String.raw`[^\p{Cc}\p{Cf}\p{Cs}\p{Zs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]`

/**
 * Compared for equality, so two values that look alike must be equal: no control, format or other invisible character
 * (Unicode's property Default_Ignorable_Code_Point), no white space but U+0020 between others, and NFC.
 */
const identifierKind: Kind = {
  name: 'identifier',
  pattern: new RegExp(`^${VISIBLE}(?:(?:${VISIBLE}| )*${VISIBLE})?$`, 'u'),
  refused: /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/u,
  refusal:
    'control, format, invisible and unpaired surrogate characters, and white space other than U+0020, are refused',
}

/**
 * One line that people wrote. Joiners, variation selectors and direction marks stay, which scripts and emoji need; control
 * characters (line feed and tab among them), line separators and characters that change the direction of other text are refused.
 */
const freeTextKind: Kind = {
  name: 'free text',
  pattern: /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+$/u,
  refused: /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u,
  refusal: 'control, line separator, bidirectional control and unpaired surrogate characters are refused',
}

/** Which schemas are of the shared kinds; a test walks every contract and finds no other string. */
export const textKinds = z.registry<{ readonly kind: Kind['name'] | 'code' }>()

/**
 * A name that is compared: a reference, a key, a subject. A name that is not NFC is refused rather than normalised, so that the
 * text that was hashed, signed or stored by the sender is the text that comes back.
 * `pattern` restricts it further; its message describes the accepted texts.
 */
export const identifier = (
  limit: TextLimit,
  narrowed?: { readonly pattern: RegExp; readonly takes: string },
): z.ZodString => textOf(identifierKind, limit, narrowed)

/**
 * One line for people: the name of a thing, an operator's reason. It is never compared, so its normal form and its white
 * space are left alone.
 */
export const freeText = (limit: TextLimit): z.ZodString => textOf(freeTextKind, limit)

/** Printable ASCII of one form: a currency, a hash, a key in a header. @param pattern anchored at both ends */
export const code = (pattern: RegExp, takes: string): z.ZodString =>
  z.string().regex(pattern, `takes ${takes}`).register(textKinds, { kind: 'code' })

function textOf(
  kind: Kind,
  { characters, bytes }: TextLimit,
  narrowed?: { readonly pattern: RegExp; readonly takes: string },
): z.ZodString {
  const fault = (value: string): string | undefined =>
    lengthFault(value, { characters, bytes }) ??
    characterFault(value, kind) ??
    (kind.name === 'identifier' && value.normalize('NFC') !== value
      ? 'is not in Unicode Normalization Form C (NFC): normalise it before it is sent'
      : undefined) ??
    (narrowed && !narrowed.pattern.test(value) ? `takes ${narrowed.takes}` : undefined)
  return z
    .string()
    .check((context) => {
      const message = fault(context.value)
      if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value })
    })
    .meta({
      minLength: 1,
      maxLength: characters,
      pattern: (narrowed?.pattern ?? kind.pattern).source,
      description: `At most ${bytes} bytes of UTF-8${kind.name === 'identifier' ? ', in NFC' : ''}.`,
    })
    .register(textKinds, { kind: kind.name })
}

function lengthFault(value: string, { characters, bytes }: TextLimit): string | undefined {
  // A code point has at most two units: a text that is far too long is not walked.
  if (value === '' || value.length > 2 * characters || Array.from(value).length > characters)
    return `takes 1 to ${characters} characters`
  const size = Buffer.byteLength(value)
  return size > bytes ? `takes at most ${bytes} bytes of UTF-8, and this has ${size}` : undefined
}

function characterFault(value: string, { refused, refusal, pattern }: Kind): string | undefined {
  const found = refused.exec(value)
  if (found) return `holds ${codePoint(found[0])} at ${found.index}: ${refusal}`
  return pattern.test(value) ? undefined : 'begins or ends with white space'
}

const codePoint = (character: string): string =>
  `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
