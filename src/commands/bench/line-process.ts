/** A process that answers requests in lines of text, each within a time limit. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

export interface LineProcess {
  /** Writes a line to its standard input. */
  send(line: string): void
  /**
   * The next line of its standard output that `counts`. Rejects with the Error `late` after `seconds`, and with the exit code and the
   * last line of standard error if the process has ended.
   */
  next(seconds: number, late: string, counts?: (line: string) => boolean): Promise<string>
  /** Kills the process if it still runs; resolves when it has ended. */
  stop(): Promise<unknown>
}

export function lineProcess(child: ChildProcessWithoutNullStreams): LineProcess {
  const nextLine = linesOf(child)
  const closed = new Promise(resolve => {
    child.on('close', resolve)
    child.on('error', resolve)
  })
  return {
    send: line => void child.stdin.write(`${line}\n`),
    next(seconds, late, counts = () => true) {
      const wanted = async () => {
        let line = await nextLine()
        while (!counts(line)) line = await nextLine()
        return line
      }
      return within(seconds, late, wanted())
    },
    stop() {
      child.kill('SIGKILL')
      return closed
    },
  }
}

async function within<T>(seconds: number, late: string, work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const failing = sleep(seconds * 1000, undefined, { signal: timer.signal }).then(() => Promise.reject(new Error(late)))
  try {
    return await Promise.race([work, failing])
  } finally {
    // The race is over: nobody waits for the timer, which now rejects.
    failing.catch(() => {})
    timer.abort()
  }
}

/** The lines that a process prints, one per call; throws an Error after it has ended. */
function linesOf(child: ChildProcessWithoutNullStreams): () => Promise<string> {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let lastError = ''
  createInterface({ input: child.stderr }).on('line', line => {
    lastError = line.trim() || lastError
  })
  const ended = new Promise<string>(resolve => {
    child.on('error', ({ message }) => resolve(message))
    child.on('close', (code, signal) => {
      resolve(`ended early (${signal ?? `exit code ${code}`})${lastError && `: ${lastError}`}`)
    })
  })
  // Writing to a process that has ended is an error event here too; `ended` has the reason.
  child.stdin.on('error', () => {})
  return async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(await ended)
    return value
  }
}
