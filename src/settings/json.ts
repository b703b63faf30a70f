/** JSON that comes from a file. Deeply nested documents are refused: walking them would overflow the stack. */

/** No file of this program is nested deeper than a few levels. */
const DEEPEST = 64

/** Parses JSON; throws an Error with a one-line reason if the text is no JSON, or nested too deeply. */
export function parseJson(text: string): unknown {
  requireShallow(text)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`not JSON: ${(error as Error).message}`, { cause: error })
  }
}

const [QUOTE, BACKSLASH, OPEN, CLOSE, OPEN_OBJECT, CLOSE_OBJECT] = Array.from('"\\[]{}', one => one.charCodeAt(0))

/** Counts brackets outside of strings. */
function requireShallow(text: string): void {
  let [depth, inString] = [0, false]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === BACKSLASH) i++
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    else if (code === OPEN || code === OPEN_OBJECT) {
      depth++
      if (depth > DEEPEST) throw new Error(`JSON nested deeper than ${DEEPEST} levels: damaged, or not of this program`)
    } else if (code === CLOSE || code === CLOSE_OBJECT) depth--
  }
}
