/**
 * How a launcher notices that one of its workers hangs before all have met: until then the workers cannot tell one that hangs from one that
 * was not started. Each says every second, over the channel of Node's child processes, that it lives, and at last that all have met.
 */
import type { ChildProcess } from 'node:child_process'

const EVERY = 1000

/** A worker that starts may be silent for this long, in milliseconds: so long may one part of its start block it on a busy machine. */
export const SILENCE = 30_000

const [ALIVE, MET] = ['alive', 'met']

let timer: NodeJS.Timeout | undefined

/** Says from now on to the launcher, if one started this process, that it lives. */
export function sayAlive(): void {
  if (process.channel === undefined || timer !== undefined) return
  tell(ALIVE)
  timer = setInterval(tell, EVERY, ALIVE)
  timer.unref()
  process.channel.unref()
}

/** Says that all workers have met. From now on they watch each other. */
export function sayMet(): void {
  if (timer === undefined) return
  clearInterval(timer)
  tell(MET)
}

/** A launcher that is gone is not told, and that is no error of this process. */
function tell(message: string): void {
  if (process.connected) process.send?.(message, () => {})
}

/** Calls `onSilence` once if a worker says nothing for `limit` milliseconds, and all have not met. */
export function watchStart(child: ChildProcess, onSilence: () => void, limit = SILENCE): void {
  const timer = setTimeout(() => {
    stop()
    onSilence()
  }, limit)
  const heard = (message: unknown) => {
    if (message === MET) stop()
    else timer.refresh()
  }
  const stop = () => {
    clearTimeout(timer)
    child.off('message', heard)
  }
  child.on('message', heard).once('exit', stop)
}
