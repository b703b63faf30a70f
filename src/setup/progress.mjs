// The set-up's messages and progress, on stderr: one line that is redrawn on a terminal, plain lines at intervals elsewhere.

const redrawMs = 250
const plainLineMs = 10_000
const barWidth = 24

/** Prints one line. @param {string} line */
export function say(line) {
  process.stderr.write(`elbo: ${line}\n`)
}

/**
 * The progress of some work; `total` is undefined if it is not known.
 * @typedef {{ done: number, total: number | undefined, unit: string }} Progress
 */

/**
 * Does some work and shows its progress meanwhile.
 * @template T
 * @param {string} label what is being done
 * @param {() => Promise<Progress>} measure called at intervals
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function during(label, measure, work) {
  const stop = new AbortController()
  const shown = show(label, measure, stop.signal)
  try {
    return await work()
  } finally {
    stop.abort()
    await shown
  }
}

/** @param {string} label @param {() => Promise<Progress>} measure @param {AbortSignal} signal */
async function show(label, measure, signal) {
  const draw = process.stderr.isTTY ? rewrite : say
  const pause = process.stderr.isTTY ? redrawMs : plainLineMs
  if (!process.stderr.isTTY) say(`${label} …`)
  await sleep(pause, signal)
  while (!signal.aborted) {
    draw(format(label, await measure()))
    await sleep(pause, signal)
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

/** @param {string} line */
function rewrite(line) {
  process.stderr.write(`\r\x1b[Kelbo: ${line.slice(0, (process.stderr.columns || 80) - 7)}`)
}

/** @param {string} label @param {Progress} progress */
function format(label, { done, total, unit }) {
  if (total === undefined) return `${label} ${done} ${unit}`
  const filled = Math.min(barWidth, Math.round((barWidth * done) / total))
  return `${label} [${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${done} of ${total} ${unit}`
}

/** Resolves early, without an error, when the signal is aborted. @param {number} ms @param {AbortSignal} signal */
function sleep(ms, signal) {
  return new Promise(wake => {
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      wake(undefined)
    }
    const timer = setTimeout(finish, ms)
    if (signal.aborted) finish()
    else signal.addEventListener('abort', finish, { once: true })
  })
}
