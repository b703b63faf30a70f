/** `elbo bench --workers`: what workers gain and cost, for each model and batch size, and what is to be expected of more of them. */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { resolveConfig } from '../../methods/vae.js'
import { countVaeWeights } from '../../models/vae.js'
import { UsageError } from '../../settings/setting.js'
import type { Context, Result } from '../command.js'
import { progressBar } from '../progress-bar.js'
import type { AllReduceWork } from './all-reduce-worker.js'
import type { BenchmarkModel } from './benchmark-models.js'
import { describeComputer } from './benchmark-report.js'
import { type Candidate, interleave, type Limits, type Measured } from './interleave.js'
import type { TeamWork } from './team.js'
import type { Work } from './worker.js'
import { describeWorkers } from './workers-report.js'
import { type Times, type WorkersResult, workersResult } from './workers-results.js'

export interface WorkersAsked {
  /** Numbers of workers to time. */
  workers: readonly number[]
  models: readonly BenchmarkModel[]
  batchSizes: readonly number[]
  rounds: number
  seconds: number
  limits: Limits
  /** Importance samples of each image; 1: the ELBO. */
  samples: number
  /** Of each process; null: the cores divided among the most workers. */
  threads: number | null
}

/** A candidate: processes that train, as workers or each for itself, or that only reduce. */
interface TeamCandidate extends Candidate {
  kind: keyof Times
  workers: number
  team: TeamWork
}

/** Throws a `UsageError` if a batch cannot be divided. */
export async function benchWorkers(asked: WorkersAsked, context: Context): Promise<Result> {
  const counts = [...new Set([1, ...asked.workers])].sort((a, b) => a - b)
  for (const batchSize of asked.batchSizes) requireParts(counts, batchSize)
  const threads = asked.threads ?? Math.max(1, Math.floor(availableParallelism() / Math.max(...counts)))
  const results: WorkersResult[] = []
  for (const model of asked.models)
    for (const batchSize of asked.batchSizes) {
      if (context.signal.aborted) break
      const result = await measure({ ...asked, model, batchSize, counts, threads }, context)
      if (result === undefined) continue
      for (const line of [...describeWorkers(result, context.columns), '']) context.print(line)
      results.push(result)
    }
  const machine = `${describeComputer()}, Node ${process.version}`
  context.print(machine)
  const interrupted = context.signal.aborted
  if (interrupted) context.note('interrupted: only finished rounds are counted')
  return { json: { date: new Date().toISOString(), machine, workers: results, interrupted }, interrupted }
}

function requireParts(counts: readonly number[], batchSize: number): void {
  const broken = counts.find(count => batchSize % count !== 0)
  if (broken !== undefined)
    throw new UsageError(
      `--workers ${broken}: each takes an equal part of a batch, and --batch-sizes ${batchSize} is no multiple; use --batch-sizes ${broken * Math.ceil(batchSize / broken)}`,
    )
}

interface Measurement extends WorkersAsked {
  model: BenchmarkModel
  batchSize: number
  counts: readonly number[]
  threads: number
}

/** Undefined if no round was finished. Throws an Error if a candidate failed. */
async function measure(what: Measurement, context: Context): Promise<WorkersResult | undefined> {
  const { model, batchSize, rounds, seconds, limits, threads, samples } = what
  const weights = countVaeWeights({ ...resolveConfig(model.config), rows: 28, columns: 28, channels: 1 })
  const candidates = candidatesOf(what, weights, context.debug)
  const bar = progressBar('turns', context)
  let done = 0
  const measured = await interleave(candidates, {
    rounds,
    turnMs: seconds * 1000,
    limits,
    signal: context.signal,
    launch: ({ team }) => launch(team, context.debug),
    onProgress: what =>
      bar.update(done++, candidates.length * (rounds + 2), `${what} | ${model.name}, batch size ${batchSize}`),
  }).finally(() => bar.stop())
  requireNoFailure(measured)
  if (measured.every(({ times }) => times.length === 0)) return undefined
  const { name, layers } = model
  return workersResult(
    { model: name, layers, batchSize, samples, threads, weights },
    measured.map(({ candidate, times }) => ({ ...candidate, times })),
  )
}

function requireNoFailure(measured: readonly Measured<TeamCandidate>[]): void {
  const failed = measured.find(({ failure }) => failure !== undefined)
  if (failed) throw new Error(`${failed.candidate.name}: ${failed.failure}`)
}

const program = (name: string) => join(import.meta.dirname, name)

function candidatesOf(
  { model, batchSize, counts, threads, samples }: Measurement,
  weights: number,
  debug: boolean,
): TeamCandidate[] {
  const options = { debug, threads }
  const training = (batch: number): Work => ({
    backend: 'tensorflow',
    mode: 'xla',
    precision: 'float32',
    config: { ...model.config, ...(samples > 1 && { objective: 'iwae', samples }), batchSize: batch },
    options,
  })
  const reducing = (values: number): AllReduceWork => ({ values, options })
  return counts.flatMap((count): TeamCandidate[] => {
    const named = count === 1 ? '1 worker' : `${count} workers`
    const one = (kind: keyof Times, name: string, team: Omit<TeamWork, 'count'>) => ({
      name,
      kind,
      chunk: 1,
      workers: count,
      team: { ...team, count },
    })
    const train = { program: program('worker.js'), isCluster: true }
    const together = one('together', named, { ...train, work: training(batchSize) })
    if (count === 1) return [together]
    const reduce = { program: program('all-reduce-worker.js'), isCluster: true }
    return [
      together,
      one('apart', `${count} processes apart`, { ...train, isCluster: false, work: training(batchSize / count) }),
      one('small', `all-reduce of 1 number, ${named}`, { ...reduce, work: reducing(1) }),
      one('large', `all-reduce of ${weights} numbers, ${named}`, { ...reduce, work: reducing(weights) }),
    ]
  })
}

function launch(team: TeamWork, debug: boolean) {
  const child = spawn(process.execPath, [program('team.js'), JSON.stringify(team)])
  if (debug) child.stderr.pipe(process.stderr)
  return child
}
