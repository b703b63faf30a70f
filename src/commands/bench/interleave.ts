/**
 * Candidates as processes that stay alive and run in turn, round by round, so that the machine's drift falls on all alike.
 *
 * The protocol: a candidate may print `made` when it is about to make its first step, and prints `ready MS` after it. For each line
 * `N` on standard input it makes N steps and prints their milliseconds per step. Behind either number may follow its peak memory so
 * far in megabytes.
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { unlessAborted } from '../../interruption.js'
import { type LineProcess, lineProcess } from './line-process.js'

export interface Candidate {
  readonly name: string
  /** It is asked for multiples of so many steps. */
  readonly chunk: number
}

/** What came of a candidate. */
export interface Measured<C extends Candidate = Candidate> {
  readonly candidate: C
  /** Milliseconds per step of each round. */
  times: number[]
  /** Milliseconds of its first step; NaN until that was made. */
  firstCallMs: number
  /** NaN where it does not say. */
  peakMegabytes: number
  /** Why it took no further part. */
  failure: string | undefined
}

/** How long a candidate may take; one that takes longer has failed. */
export interface Limits {
  /** To start; to make the first step too, unless it says when it begins with that. */
  startSeconds: number
  /** For the first step, with what has to be compiled for it. */
  firstStepSeconds: number
  /** For a turn. */
  turnSeconds: number
}

export interface Turns<C extends Candidate> {
  launch(candidate: C): ChildProcessWithoutNullStreams
  /** Rounds that count; one more before them warms up. */
  rounds: number
  /** Length of a turn. */
  turnMs: number
  limits: Limits
  /** Stops all of it; only finished rounds are returned then. */
  signal?: AbortSignal
  /** Before each start and each turn: what comes now. */
  onProgress(text: string): void
}

// Threads that spin for a while after their work would slow down whoever is next.
const REST_MS = 200

const READY = 'ready '

/** Starts every candidate, then lets them take turns. One that fails takes no further part. No process is left behind. */
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

/** One turn each; false if it was interrupted. */
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

  /** Waits for the first step, and for a first turn, which says how many steps make one. */
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

  /** Makes about as many steps as fit into a turn. */
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

  /** Milliseconds, and peak memory where it is said. */
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
      // Whoever was stopped did not fail.
      if (this.#isStopped) return
      this.measured.failure = error instanceof Error ? error.message : String(error)
      await this.stop()
    }
  }
}
