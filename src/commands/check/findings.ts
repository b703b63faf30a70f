/** What a check found: a line for each file. */

export interface Finding {
  /** A path below the checkpoints folder. */
  file: string
  /**
   * `whole`: every checksum and schema is right. `leftover`: what a killed process left, which nothing needs.
   * `unverified`: whole as far as it can be told.
   */
  state: 'whole' | 'unverified' | 'damaged' | 'missing' | 'leftover'
  /** What is wrong or worth knowing, in one line. */
  message?: string
}

/** What `--resume` would do with a run as it is. */
export type Resume = { from: string } | { refused: string }

export interface Checked {
  /** Of a run, or of a comparison. */
  name: string
  whole: boolean
  /** Whether a process holds the lock of the run. */
  locked: boolean
  files: Finding[]
  resume: Resume
  /** What `--repair` did, a line each. */
  repaired: string[]
}

const good: ReadonlySet<Finding['state']> = new Set(['whole', 'unverified'])

export const isGood = ({ state }: Finding): boolean => good.has(state)

/** Reads a file by `read`; what it throws is what is wrong with the file. Returns the value, or undefined if it is damaged or missing. */
export function attempt<T>(files: Finding[], file: string, read: () => T): T | undefined {
  try {
    const value = read()
    files.push({ file, state: 'whole' })
    return value
  } catch (error) {
    files.push(failure(file, error as Error))
    return undefined
  }
}

/** The finding of a read that failed. */
export function failure(file: string, error: Error): Finding {
  const cause = error.cause as NodeJS.ErrnoException | undefined
  const line = error.message.replaceAll(/\s*\n\s*/g, ' ')
  const named = line.indexOf(`${file}: `)
  const message = named < 0 ? line : line.slice(named + file.length + 2)
  return { file, state: cause?.code === 'ENOENT' ? 'missing' : 'damaged', message }
}
