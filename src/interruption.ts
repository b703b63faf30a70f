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

/** Ends the process without waiting for worker threads, unlike `process.exit`. Output must be flushed before. */
export function exitAtOnce(code: number): void {
  const exit = koffi.load(null).func('void _exit(int)') as (code: number) => void
  exit(code)
}
