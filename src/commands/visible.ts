/** Text on its way to a terminal. Names, paths and files of other people may hold escape sequences, which would control the terminal. */

/** The text with every control character as a visible escape such as \x1b; line breaks and tabs too. */
export const visible = (text: string): string => escaped(text, character => `\\x${hex(character, 2)}`)

/** The same text of several lines, whose breaks are kept. */
export const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n')

/** A JSON document that means the same and holds no control character. JSON itself escapes only those below U+0020. */
export const visibleJson = (document: unknown): string =>
  escaped(JSON.stringify(document), character => `\\u${hex(character, 4)}`)

/** C0, DEL and C1. */
const escaped = (text: string, replace: (character: string) => string): string => text.replaceAll(/\p{Cc}/gu, replace)

const hex = (character: string, digits: number): string => character.charCodeAt(0).toString(16).padStart(digits, '0')
