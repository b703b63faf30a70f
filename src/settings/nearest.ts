/** The nearest valid word, for error messages: 'did you mean bernoulli-mixture?' */
import { closest, distance } from 'fastest-levenshtein'

/** The one of `words` that `given` was most likely to be: a misspelt beginning of it counts as the whole. */
export function nearest(given: string, words: readonly string[]): string {
  const errors = (word: string) => distance(given, word.slice(0, given.length))
  const begun = words.filter(word => word.length > given.length && errors(word) <= given.length / 3)
  return begun.length > 0
    ? begun.reduce((best, word) => (errors(word) < errors(best) ? word : best))
    : closest(given, words)
}
