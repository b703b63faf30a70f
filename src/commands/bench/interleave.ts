/**
 * Runs candidates as long-lived processes that take turns, round by round, so that drift of the machine affects all alike.
 *
 * The protocol: a candidate may print `made` just before its first step, and prints `ready MS` after it. For each line `N` on standard
 * input it runs N steps and prints their milliseconds per step. Either number may be followed by the peak memory so far, in megabytes.
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { unlessAborted } from '../../interruption.js'
import { type LineProcess, lineProcess } from './line-process.js'

export interface Candidate {
  readonly name: string
  /** Each request is for a multiple of this number of steps. */
  readonly chunk: number
}

/** The result of a candidate. */
export interface Measured<C extends Candidate = Candidate> {
  readonly candidate: C
  /** Milliseconds per step of each round. */
  times: number[]
  /** Milliseconds of its first step; NaN before that. */
  firstCallMs: number
  /** NaN if it does not report it. */
  peakMegabytes: number
  /** Why it was stopped. */
  failure: string | undefined
}

/** How long a candidate may take; one that takes longer has failed. */
export interface Limits {
  /** Until `made`; for a candidate that does not print it, until the end of the first step. */
  startSeconds: number
  /** For the first step, including compilation. */
  firstStepSeconds: number
  /** For a turn. */
  turnSeconds: number
}

export interface Turns<C extends Candidate> {
  launch(candidate: C): ChildProcessWithoutNullStreams
  /** Number of counted rounds; one more is run first for warm-up. */
  rounds: number
  /** Length of a turn. */
  turnMs: number
  limits: Limits
  /** Stops everything; only finished rounds are returned. */
  signal?: AbortSignal
  /** Called before each start and each turn, with a description of it. */
  onProgress(text: string): void
}

// Threads that keep spinning after their work would slow down the next candidate.
const REST_MS = 200

const READY = 'ready '

/** Starts every candidate, then lets them take turns. A candidate that fails is stopped. No process is left behind. */
export async function interleave<C extends Candidate>(
  candidates: readonly C[],
  turns: Turns<C>,
): Promise<Measured<C>[]> {
  const runners: Runner<C>[] = []
  const stop = () => Promise.all(runners.map(runner => runner.stop()))
  // A second interruption ends this process at once.
  process.on('exit', stop)
  let finished = 0
  try {
    for (const candidate of candidates) {
      if (turns.signal?.aborted) break
      const runner = new Runner(candidate, turns)
      runners.push(runner)
      await unlessAborted(runner.start(), turns.signal)
    }
    // The first round warms up.
    while (finished <= turns.rounds && (await playRound(runners, finished, turns))) finished++
  } finally {
    await stop()
    process.off('exit', stop)
  }
  return runners.map(({ measured }) => ({ ...measured, times: measured.times.slice(1, Math.max(1, finished)) }))
}

/** One turn for each candidate; false if interrupted. */
async function playRound<C extends Candidate>(
  runners: readonly Runner<C>[],
  round: number,
  { rounds, signal, onProgress }: Turns<C>,
): Promise<boolean> {
  for (const runner of runners.filter(({ measured }) => !measured.failure)) {
    if (signal?.aborted) return false
    onProgress(`${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${runner.measured.candidate.name}`)
    await unlessAborted(runner.turn(), signal)
    await unlessAborted(sleep(REST_MS), signal)
  }
  return !signal?.aborted
}

/** A candidate's process. */
class Runner<C extends Candidate> {
  readonly measured: Measured<C>
  readonly #turns: Turns<C>
  readonly #process: LineProcess
  #steps: number
  #isStopped = false

  constructor(candidate: C, turns: Turns<C>) {
    this.measured = {
      candidate,
      times: [],
      firstCallMs: Number.NaN,
      peakMegabytes: Number.NaN,
      failure: undefined,
    }
    this.#turns = turns
    turns.onProgress(`starting ${candidate.name}`)
    this.#process = lineProcess(turns.launch(candidate))
    this.#steps = candidate.chunk
  }

  /** Waits for the first step and for a first request, whose time determines the number of steps of a turn. */
  async start(): Promise<void> {
    await this.#failing(async () => {
      const { startSeconds, firstStepSeconds } = this.#turns.limits
      const isUnderWay = (line: string) => line === 'made' || line.startsWith(READY)
      let line = await this.#process.next(startSeconds, `not ready within ${startSeconds} s`, isUnderWay)
      if (line === 'made')
        line = await this.#process.next(firstStepSeconds, `more than ${firstStepSeconds} s for its first step`)
      this.measured.firstCallMs = this.#read(line.slice(READY.length))
      await this.#run()
    })
  }

  /** Runs about as many steps as fit into a turn. */
  async turn(): Promise<void> {
    await this.#failing(async () => {
      this.measured.times.push(await this.#run())
    })
  }

  stop(): Promise<unknown> {
    this.#isStopped = true
    return this.#process.stop()
  }

  async #run(): Promise<number> {
    const { turnMs, limits } = this.#turns
    this.#process.send(String(this.#steps))
    const late = `more than ${Number((limits.turnSeconds / this.#steps).toPrecision(2))} s per step`
    const ms = this.#read(await this.#process.next(limits.turnSeconds, late))
    const { chunk } = this.measured.candidate
    this.#steps = Math.max(1, Math.round(turnMs / ms / chunk)) * chunk
    return ms
  }

  /** Returns the milliseconds of an answer, and stores its peak memory. */
  #read(answer: string): number {
    const [ms = Number.NaN, megabytes = Number.NaN] = answer.split(' ').map(Number)
    if (!(ms > 0)) throw new Error(`answered '${answer}' instead of its milliseconds per step`)
    this.measured.peakMegabytes = megabytes
    return ms
  }

  async #failing(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      // A process that was stopped did not fail.
      if (this.#isStopped) return
      this.measured.failure = error instanceof Error ? error.message : String(error)
      await this.stop()
    }
  }
}
