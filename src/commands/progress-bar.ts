/** A progress bar on standard error; it shows nothing unless that is a terminal, and not a dumb one. */
import { type GenericFormatter, SingleBar } from 'cli-progress'
import { barLine } from './bar-line.js'
import type { Context } from './command.js'
import { visible } from './visible.js'

export interface ProgressBar {
  /**
   * Shows `done` of `total`, and a text after the bar: parts separated by ' | ', of which the last ones may not fit. `counted` is another unit
   * than the bar's.
   */
  update(done: number, total: number, text: string, counted?: string): void
  /** Removes the bar until the next `update`, so that lines can be printed. */
  stop(): void
}

export function progressBar(unit: string, { signal }: Context): ProgressBar {
  if (!process.stderr.isTTY || process.env.TERM === 'dumb') return { update() {}, stop() {} }
  // One column less, so that the cursor stays on the line.
  const format: GenericFormatter = (_, { value, total }, { text, counted }) =>
    barLine({ done: value, total, unit: counted ?? unit, text }, (process.stderr.columns ?? 80) - 1)
  const bar = new SingleBar({
    format,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  })
  let running = false
  const stop = () => {
    if (running) bar.stop()
    running = false
  }
  signal.addEventListener('abort', stop)
  return {
    update(done, total, text, counted) {
      if (signal.aborted) return
      if (!running) bar.start(total, done, { text: visible(text), counted })
      else bar.setTotal(total)
      running = true
      bar.update(done, { text: visible(text), counted })
    },
    stop,
  }
}
