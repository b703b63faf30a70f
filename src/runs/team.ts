/** The workers of a cluster, seen from one of them: what they compare, what they share, and how they stop together. */
import * as tf from '#tfjs'
import { placeInCluster } from '../collectives/all-reduce.js'
import { gather, sumOverWorkers } from '../compile/sum-over-workers.js'
import { interruptedWhile, unlessAborted } from '../interruption.js'
import type { NodeBackend } from '../libtensorflow/node-backend.js'
import { TensorFlowError } from '../libtensorflow/status.js'

export interface Team {
  /** The number of this worker. Number 0 is the chief: it alone writes the run, prints and draws. */
  readonly index: number
  readonly count: number
  readonly isChief: boolean
}

/** The team that this process belongs to on the current backend; undefined if it trains alone. */
export function currentTeam(): Team | undefined {
  const { index, count } = placeInCluster()
  return count === 1 ? undefined : { index, count, isChief: index === 0 }
}

/** The chief's value of what each worker calls `value`; those of the others are not read. */
export async function fromChief<T>(team: Team, value: T): Promise<T> {
  const [text = 'null'] = await gather(team.isChief ? JSON.stringify(value) : '')
  return JSON.parse(text) as T
}

/** Gives all workers the chief's values of these variables. */
export async function shareVariables({ isChief }: Team, variables: Iterable<tf.Variable>): Promise<void> {
  for (const variable of variables) {
    const own = isChief ? Float32Array.from(await variable.data()) : new Float32Array(variable.size)
    const shared = await sumOverWorkers(own)
    if (isChief) continue
    tf.tidy(() => variable.assign(tf.tensor(shared, variable.shape, 'float32').cast(variable.dtype)))
  }
}

/** How many steps all workers run next, which the chief decides, and whether all stop, which any of them may want. */
export async function agreeOnChunk({ isChief }: Team, count: number, stop: boolean) {
  const [agreed = 0, stops = 0] = await sumOverWorkers(Float32Array.of(isChief ? count : 0, stop ? 1 : 0))
  return { count: agreed, stop: stops > 0 }
}

/** What must be the same on all workers, by the name that a message gives it. */
export type Facts = Readonly<Record<string, unknown>>

/** Throws an Error that names the first difference between this worker and the chief, on all workers. */
export async function requireSameFacts(facts: Facts): Promise<void> {
  const [chief = {}, ...others] = (await gather(JSON.stringify(facts))).map(text => JSON.parse(text) as Facts)
  others.forEach((other, i) => {
    const name = Object.keys({ ...chief, ...other }).find(
      name => JSON.stringify(chief[name]) !== JSON.stringify(other[name]),
    )
    if (name === undefined) return
    const [here, there] = [other[name], chief[name]].map(value => JSON.stringify(value) ?? 'nothing')
    throw new Error(
      `worker ${i + 1} has ${name} ${here}, but worker 0 has ${there}: start all workers with the same version, settings and images`,
    )
  })
}

/**
 * Returns when all workers have called it. A worker may end only then, because others fetch the last numbers from it; so a failure of the
 * second round, in which some have ended, means nothing.
 */
async function leaveTogether(): Promise<void> {
  await gather('')
  await gather('').catch(() => undefined)
}

/** Workers are asked whether they live this often, and have this long to answer, in milliseconds. */
const [EVERY, ANSWER] = [2000, 10_000]

interface Watch {
  /** The worker that is gone, in one line; undefined if all answer. Asks them all, unless one is known to be gone. */
  lost(): Promise<string | undefined>
  /** Ends the watch; a worker that ends now is not missed. */
  stop(): void
}

/** Watches the other workers; if one does not answer, all operations that wait for it fail. The chief watches all, each other one the chief. */
function watchTeam({ index, count, isChief }: Team): Watch {
  const { binding } = tf.backend() as NodeBackend
  const others = Array.from({ length: count }, (_, i) => i).filter(i => i !== index)
  const watched = isChief ? others : [0]
  let lost: string | undefined
  let isOver = false
  const ask = async (workers: readonly number[]) => {
    for (const i of workers) {
      const why = isOver || lost !== undefined ? undefined : await binding.whyUnreachable(i, ANSWER)
      if (why !== undefined && !isOver)
        lost ??= `worker ${i} at ${binding.cluster?.workers[i]} is gone or does not answer`
    }
  }
  let timer = setTimeout(watch, EVERY)
  async function watch(): Promise<void> {
    await ask(watched)
    if (isOver) return
    if (lost === undefined) timer = setTimeout(watch, EVERY)
    else binding.abortCollectives(lost)
  }
  return {
    async lost() {
      await ask(others)
      return lost
    },
    stop() {
      isOver = true
      clearTimeout(timer)
    },
  }
}

/** What the first to come needs while it waits for the others. */
export interface Meeting {
  /** Ends the wait. */
  readonly signal: AbortSignal
  /** Is given a line that says who is missing. */
  note(line: string): void
  /** Called when all have met. */
  met?(): void
}

/** The first worker waits this long before it says so, in milliseconds. */
const PATIENCE = 5000

/** Returns when all workers have called it, however late. Throws an `AbortError` if the user ends the wait. */
async function meet({ index }: Team, { signal, note }: Meeting): Promise<void> {
  const { binding } = tf.backend() as NodeBackend
  const others = binding.cluster?.workers.filter((_, i) => i !== index) ?? []
  const timer = setTimeout(() => note(`waiting for the other workers, at ${others.join(', ')}`), PATIENCE)
  const met = await unlessAborted(gather(''), signal).finally(() => clearTimeout(timer))
  if (met === undefined) throw interruptedWhile('waiting for the other workers')
}

/**
 * Does some work on all workers of a cluster, which begin and end together. If it fails because another worker is gone, throws an Error of
 * one line that names it and says what `follows`. Alone, a process does just the work.
 */
export async function together<T>(work: () => Promise<T>, follows: string, meeting: Meeting): Promise<T> {
  const team = currentTeam()
  if (team === undefined) return work()
  await meet(team, meeting)
  meeting.met?.()
  const watch = watchTeam(team)
  try {
    const result = await work()
    watch.stop()
    await leaveTogether()
    return result
  } catch (error) {
    // Only an operation that waits for others fails because one is gone.
    const lost = error instanceof TensorFlowError ? await watch.lost() : undefined
    throw lost === undefined ? error : new Error(`${lost}; ${follows}`)
  } finally {
    watch.stop()
  }
}
