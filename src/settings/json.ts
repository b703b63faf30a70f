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

/** Counts brackets outside of strings. */
function requireShallow(text: string): void {
  let [depth, inString] = [0, false]
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (inString) {
      if (character === '\\') i++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '[' || character === '{') {
      depth++
      if (depth > DEEPEST) throw new Error(`JSON nested deeper than ${DEEPEST} levels: damaged, or not of this program`)
    } else if (character === ']' || character === '}') depth--
  }
}
