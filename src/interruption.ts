/** Abandons native work that cannot be stopped, such as a compilation, when the user interrupts the program. */
import koffi from '#koffi'

/** The result of `work`, or undefined as soon as `signal` is aborted; `work` itself then continues in the background. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (!signal) return work
  let listener = () => {}
  const aborted = new Promise<undefined>(resolve => {
    listener = () => resolve(undefined)
    if (signal.aborted) listener()
    else signal.addEventListener('abort', listener)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', listener)
  }
}

/** The error of work that the user interrupted before it had anything to save; the program ends with exit code 130 and its message. */
export function interruptedWhile(work: string): Error {
  const error = new Error(`interrupted while ${work}; nothing was begun`)
  error.name = 'AbortError'
  return error
}

/** Ends the process without waiting for worker threads, unlike `process.exit`. Output must be flushed before. */
export function exitAtOnce(code: number): void {
  const exit = koffi.load(null).func('void _exit(int)') as (code: number) => void
  exit(code)
}
