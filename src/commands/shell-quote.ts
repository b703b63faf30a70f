/** Words of a command line that is printed to be copied. */

/** `word` as a POSIX shell reads it back: in single quotes where it has characters that a shell would change. */
const shellQuote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** The option that a printed command needs to find runs in this folder, with a space before it; nothing for the usual one. */
export const checkpointsOption = (checkpoints: string): string =>
  checkpoints === 'checkpoints' ? '' : ` --checkpoints ${shellQuote(checkpoints)}`
