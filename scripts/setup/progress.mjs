// What the set-up says while it works, on stderr: one rewritten line on a terminal, a plain line now and then elsewhere.

const redrawMs = 250
const plainLineMs = 10_000
const barWidth = 24

/** Says one line. @param {string} line */
export function say(line) {
  process.stderr.write(`elbo: ${line}\n`)
}

/**
 * How far some work is; `total` is undefined where nobody knows.
 * @typedef {{ done: number, total: number | undefined, unit: string }} Progress
 */

/**
 * Does some work and shows meanwhile how far it is.
 * @template T
 * @param {string} label what is being done
 * @param {() => Promise<Progress>} measure asked again and again
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

/** Ends early, and without an error, when the signal is given. @param {number} ms @param {AbortSignal} signal */
function sleep(ms, signal) {
  return new Promise(wake => {
    const cut = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', cut)
      wake(undefined)
    }
    const timer = setTimeout(cut, ms)
    if (signal.aborted) cut()
    else signal.addEventListener('abort', cut, { once: true })
  })
}
