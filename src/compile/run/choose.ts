/** Chooses between XLA and a graph for a compiled loop, by timing both on this machine. */
import { CompileRefusal } from '../refusal.js'
import type { Choice, NativeMode } from '../step.js'
import type { CompiledLoop } from './compiled-loop.js'
import type { Fed } from './feed.js'

const TIMED_MS = 50
const REPETITIONS = 2
/**
 * The graph is chosen only if it is faster by this factor. So the choice, and with it the last digits of every result, is the same in
 * every run, although timings vary.
 */
const CLEARLY_FASTER = 1.3

/** A loop that is ready to run, and how it was chosen. */
export interface Chosen {
  readonly loop: CompiledLoop
  readonly choice: Choice<NativeMode>
}

/** A step that can be compiled either way. */
export interface Compilable {
  compile(mode: NativeMode): CompiledLoop
  /** The line of the user's code behind the first operation of this name. */
  siteOf(op: string): string | undefined
}

/** Compiles a loop, runs one step of it and discards the results. Throws a CompileRefusal if XLA or TensorFlow rejects it. */
export async function warmUp(step: Compilable, mode: NativeMode, fed: Fed): Promise<CompiledLoop> {
  let loop: CompiledLoop | undefined
  try {
    loop = step.compile(mode)
    await milliseconds(loop, { ...fed, n: 1 })
    return loop
  } catch (error) {
    loop?.dispose()
    throw refusal(step, mode, error)
  }
}

/** Compiles a loop both ways, times some steps of each in turn and keeps one. */
export async function chooseMode(step: Compilable, fed: Fed): Promise<Chosen> {
  const graph = await warmUp(step, 'graph', fed)
  const xla = await warmUp(step, 'xla', fed).catch(asRefusal)
  if (xla instanceof CompileRefusal) return { loop: graph, choice: { mode: 'graph', reason: xla.reason } }
  const ms = await timeBoth({ xla, graph }, fed)
  const reason = `a step takes ${format(ms.xla)} ms by XLA and ${format(ms.graph)} ms as a graph`
  const [kept, other] = ms.xla > CLEARLY_FASTER * ms.graph ? ([graph, xla] as const) : ([xla, graph] as const)
  other.dispose()
  return { loop: kept, choice: { mode: kept === xla ? 'xla' : 'graph', reason } }
}

function refusal(step: Compilable, mode: NativeMode, error: unknown): CompileRefusal {
  const [line = ''] = String(error instanceof Error ? error.message : error).split('\n')
  if (mode === 'graph') return new CompileRefusal(`TensorFlow rejects it: ${line}`, 'run it uncompiled (off)')
  const [, op] = line.match(/unsupported operations .*?: (\w+) \(/) ?? []
  if (op === undefined) return new CompileRefusal(`XLA rejects it: ${line}`, 'compile it as a graph')
  return new CompileRefusal(`XLA has no ${op}`, 'compile it as a graph, or avoid this operation', step.siteOf(op))
}

function asRefusal(error: unknown): CompileRefusal {
  if (error instanceof CompileRefusal) return error
  throw error
}

async function timeBoth(loops: Record<NativeMode, CompiledLoop>, fed: Fed): Promise<Record<NativeMode, number>> {
  const best = { xla: Number.POSITIVE_INFINITY, graph: Number.POSITIVE_INFINITY }
  const steps = { xla: 1, graph: 1 }
  for (let repetition = 0; repetition <= REPETITIONS; repetition++) {
    for (const mode of ['xla', 'graph'] as const) {
      const stepMs = (await milliseconds(loops[mode], { ...fed, n: steps[mode] })) / steps[mode]
      best[mode] = Math.min(best[mode], stepMs)
      steps[mode] = Math.min(Math.max(Math.round(TIMED_MS / best[mode]), 1), fed.n)
    }
  }
  return best
}

async function milliseconds(loop: CompiledLoop, fed: Fed): Promise<number> {
  const started = performance.now()
  const result = await loop.run(fed)
  result.discard()
  return performance.now() - started
}

const format = (ms: number): string => (ms < 100 ? ms.toPrecision(2) : ms.toFixed(0))
