/** The nearest valid word, for error messages: 'did you mean bernoulli-mixture?' */
import { distance } from 'fastest-levenshtein'

/** The one of `words` that `given` was most likely to be: the whole of it, or its beginning, with the fewest wrong letters. */
export function nearest(given: string, words: readonly string[]): string {
  const errors = (word: string) => Math.min(distance(given, word), distance(given, word.slice(0, given.length)) + 1)
  const byErrors = (a: string, b: string) => errors(a) - errors(b) || distance(given, a) - distance(given, b)
  return words.toSorted(byErrors)[0] ?? given
}
