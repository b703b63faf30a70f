// Candidates as processes that stay alive and run in turn, round by round, so that the machine's drift falls on all alike.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const ROUND_MS = 2000
// Threads that spin for a while after their work would slow down whoever is next.
const REST_MS = 200
const LIMITS = { readySeconds: 180, turnSeconds: 300 }

/**
 * What came of a candidate: milliseconds per step of each round and of its first call, or why there are none.
 * @typedef {object} Measured
 * @property {import('./candidates.mjs').Candidate} candidate
 * @property {number[]} times
 * @property {number} firstCallMs
 * @property {string | undefined} failure
 */

/**
 * @typedef {object} Setting
 * @property {string} folder where the candidates' files are
 * @property {Record<'node' | 'python', string>} programs
 * @property {object} model goes to each candidate as BENCH_MODEL
 * @property {typeof LIMITS} [limits] a candidate that takes longer has failed
 */

/** @typedef {import('node:child_process').ChildProcessWithoutNullStreams} Child */

/**
 * Runs every candidate about two seconds a round; the first round warms up and is not counted. A candidate that fails
 * takes no further part.
 * @param {import('./candidates.mjs').Candidate[]} candidates
 * @param {Setting & { rounds: number, onProgress: (text: string) => void }} options
 * @returns {Promise<Measured[]>}
 */
export async function interleave(candidates, { rounds, onProgress, ...setting }) {
  /** @type {Runner[]} */
  const runners = []
  try {
    for (const candidate of candidates) {
      const runner = new Runner(candidate, setting)
      runners.push(runner)
      onProgress(`starting ${candidate.name}`)
      await runner.start()
      // Says how many steps make a round.
      if (!runner.measured.failure) await runner.turn()
    }
    for (let round = 0; round <= rounds; round++) {
      for (const runner of runners.filter(({ measured }) => !measured.failure)) {
        onProgress(`round ${round} of ${rounds}, ${runner.measured.candidate.name}`)
        const ms = await runner.turn()
        if (round > 0 && ms !== undefined) runner.measured.times.push(ms)
        await sleep(REST_MS)
      }
    }
  } finally {
    for (const runner of runners) runner.stop()
  }
  return runners.map(({ measured }) => measured)
}

/** A candidate's process. */
class Runner {
  /** @type {Measured} */
  measured
  #child
  #limits
  #next
  #steps

  /**
   * @param {import('./candidates.mjs').Candidate} candidate
   * @param {Setting} setting
   */
  constructor(candidate, { folder, programs, model, limits = LIMITS }) {
    this.measured = { candidate, times: [], firstCallMs: Number.NaN, failure: undefined }
    const env = { ...process.env, BENCH_MODEL: JSON.stringify(model) }
    this.#child = spawn(programs[candidate.program], candidate.args, { cwd: folder, env })
    this.#limits = limits
    this.#next = linesOf(this.#child)
    this.#steps = candidate.chunk
  }

  /** Waits until the candidate has made its first call. */
  start() {
    return this.#failing(async () => {
      const seconds = this.#limits.readySeconds
      const first = await this.#within(seconds, `not ready within ${seconds} s`, line => line.startsWith('ready '))
      this.measured.firstCallMs = Number(first.slice(6))
    })
  }

  /** Milliseconds per step of about two seconds of work; undefined if the candidate failed. */
  turn() {
    return this.#failing(async () => {
      const seconds = this.#limits.turnSeconds
      this.#child.stdin.write(`${this.#steps}\n`)
      const answer = await this.#within(seconds, `no answer within ${seconds} s for ${this.#steps} steps`, () => true)
      const ms = Number(answer)
      if (!(ms > 0)) throw new Error(`answered '${answer}' instead of its milliseconds per step`)
      const { chunk } = this.measured.candidate
      this.#steps = Math.max(1, Math.round(ROUND_MS / ms / chunk)) * chunk
      return ms
    })
  }

  stop() {
    this.#child.kill('SIGKILL')
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   */
  async #failing(work) {
    try {
      return await work()
    } catch (error) {
      this.measured.failure = error instanceof Error ? error.message : String(error)
      this.stop()
      return undefined
    }
  }

  /**
   * The next line that `counts`.
   * @param {number} seconds
   * @param {string} late
   * @param {(line: string) => boolean} counts
   */
  async #within(seconds, late, counts) {
    const timer = new AbortController()
    const timeout = sleep(seconds * 1000, undefined, { signal: timer.signal })
    const failing = timeout.then(() => Promise.reject(new Error(late)))
    const wanted = async () => {
      let line = await this.#next()
      while (!counts(line)) line = await this.#next()
      return line
    }
    try {
      return await Promise.race([wanted(), failing])
    } finally {
      // The race is over: nobody waits for the timer, which now rejects.
      failing.catch(() => {})
      timer.abort()
    }
  }
}

/**
 * The lines that a process prints, one a call; throws once it has ended, with its last words on standard error.
 * @param {Child} child
 * @returns {() => Promise<string>}
 */
function linesOf(child) {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let lastError = ''
  createInterface({ input: child.stderr }).on('line', line => {
    lastError = line.trim() || lastError
  })
  /** @type {Promise<string>} */
  const ended = new Promise(resolve => {
    child.on('error', ({ message }) => resolve(message))
    child.on('close', (code, signal) => {
      resolve(`ended early (${signal ?? `exit code ${code}`})${lastError && `: ${lastError}`}`)
    })
  })
  // Writing to a process that has ended is an error here too; `ended` says why.
  child.stdin.on('error', () => {})
  return async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(await ended)
    return value
  }
}
