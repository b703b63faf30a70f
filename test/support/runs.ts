/** An interruption that comes with the first sign of progress: after the first chunk, which is one step. */
export function stopAfterFirstStep(): { signal: AbortSignal; progress: () => void } {
  const stop = new AbortController()
  return { signal: stop.signal, progress: () => stop.abort() }
}
