/** A progress bar on standard error; it shows nothing unless that is a terminal, and not a dumb one. */
import { Presets, SingleBar } from 'cli-progress'
import type { Context } from './command.js'
import { visible } from './visible.js'

export interface ProgressBar {
  /** Shows `done` of `total`, with a text after the bar. */
  update(done: number, total: number, text: string): void
  /** Removes the bar until the next `update`, so that lines can be printed. */
  stop(): void
}

export function progressBar(unit: string, { signal }: Context): ProgressBar {
  if (!process.stderr.isTTY || process.env.TERM === 'dumb') return { update() {}, stop() {} }
  const format = `{bar} {value}/{total} ${unit} | {text}`
  const bar = new SingleBar(
    { format, barsize: 24, stream: process.stderr, hideCursor: true, clearOnComplete: true, gracefulExit: false },
    Presets.shades_classic,
  )
  let running = false
  const stop = () => {
    if (running) bar.stop()
    running = false
  }
  signal.addEventListener('abort', stop)
  return {
    update(done, total, text) {
      if (signal.aborted) return
      if (!running) bar.start(total, done, { text: visible(text) })
      else bar.setTotal(total)
      running = true
      bar.update(done, { text: visible(text) })
    },
    stop,
  }
}
