/** `elbo bench`: times a training step on every backend and mode of this machine: table, JSON, chart. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { z } from 'zod'
import type { BackendOptions } from '../../backends/backend.js'
import { candidates } from '../../backends/candidates.js'
import { modes, precisions } from '../../compile/step.js'
import { writeFileAtomic } from '../../files/files.js'
import { makeFolder } from '../../files/folders.js'
import { refuseOwnFile } from '../../runs/own-files.js'
import {
  type Description,
  grouped,
  inGroup,
  positive,
  read,
  type Setting,
  setting,
  text,
  threads,
  UsageError,
  type Values,
  wholeNumber,
} from '../../settings/setting.js'
import { type Context, command, type Result } from '../command.js'
import { progressBar } from '../progress-bar.js'
import { type BenchmarkModel, EXPECTED_MODELS, modelNamed } from './benchmark-models.js'
import { type Entry, planTasks, type Task } from './benchmark-plan.js'
import { describeComparison, describeComputer, describeGpu, describeMachine } from './benchmark-report.js'
import { type Comparison, compare } from './benchmark-results.js'
import { gpuAgainstCpu } from './gpu.js'
import { interleave, type Limits } from './interleave.js'
import { findPeers } from './peers.js'
import { type Probed, probeAll } from './probed.js'
import { benchWorkers } from './workers.js'

const backendNames = candidates.map(({ name }) => name)
const nativeModes = modes.filter(mode => mode !== 'auto')

const someOf = <T extends string>(names: readonly T[], description: Description): Setting<T[]> => ({
  ...setting(
    z.array(z.enum(names as [T, ...T[]])).min(1),
    [...names],
    `some of ${names.join(',')}, separated by commas,`,
    description,
    read.names,
  ),
  choices: names,
})

const options = {
  ...inGroup('measurement', {
    backends: someOf(backendNames, [
      'backends to time',
      'Backends to time. Those that do not run here are listed with the reason.',
    ]),
    modes: someOf(nativeModes, ['how steps run', 'How steps run. Backends that cannot compile have only off.']),
    precisions: {
      ...someOf(precisions, [
        'operands of matrix products',
        'Operands of matrix products, as in train. Mode xla alone has bfloat16.',
      ]),
      value: ['float32'],
    },
    models: setting(
      z.array(z.string().refine(name => modelNamed(name) !== undefined)).min(1),
      ['mlp', 'conv'],
      EXPECTED_MODELS,
      ['networks', `Networks: ${EXPECTED_MODELS}.`],
      read.names,
    ),
    batchSizes: setting(
      z.array(z.int().min(1).max(50_000)).min(1),
      [128],
      'whole numbers from 1 to 50000, separated by commas, such as 32,128,512,',
      ['images per step', 'Images per step. Several show from which size on a GPU is faster.'],
      read.list,
    ),
    workers: setting(
      z.array(z.int().min(1).max(64)).min(1).nullable(),
      null,
      "whole numbers from 1 to 64, separated by commas, such as 1,2,4, or 'off'",
      [
        'numbers of workers to time',
        'Numbers of workers to time instead, on this machine, each training its part of a batch: steps and images a second, efficiency, bytes sent, share of waiting; and from which models on a cluster pays, up to 1,000 workers (docs/clusters.md). --threads is that of each.',
      ],
      read.listOrOff,
    ),
    samples: wholeNumber([1, 10_000], 1, [
      'with --workers: importance samples k',
      'With --workers: importance samples k of each image. 1 is the ELBO.',
    ]),
    rounds: wholeNumber([1, 1000], 5, [
      'turns of each candidate',
      'Counted turns of each candidate, after one for warm-up.',
    ]),
    seconds: positive(1, ['seconds of a turn', 'Length of a turn in seconds. It has at least one step.']),
    limit: positive(30, [
      'largest seconds of a step',
      'Maximum seconds of a step, including compilation for the first one. Slower candidates are stopped.',
    ]),
  }),
  threads: grouped('machine', threads()),
  out: grouped(
    'output',
    text(['folder for results and chart', 'Output folder for bench.json, bench.svg and bench.png.'], {
      unset: 'no files',
    }),
  ),
}

/** Time limit until the model is created; a slower process hangs. Peers do not report that point, so their first step is added. */
const START_SECONDS = 180

type Asked = Values<typeof options> & { peers: boolean }

export const bench = command({
  name: 'bench',
  summary: 'times a training step on every backend and mode',
  options,
  switches: {
    peers: {
      description: 'also time PyTorch and JAX on the CPU; needs bench/peers/setup.sh, or BENCH_PYTHON',
      group: 'measurement',
    },
  },
  finishesOnInterrupt: true,
  examples: [
    'bench',
    'bench --out benchmarks',
    'bench --models mlp --rounds 9',
    'bench --models 784-400-400-32 --batch-sizes 32,128,512',
    'bench --backends tensorflow,wasm --modes xla,off',
    'bench --models mlp --modes xla --peers --json',
    'bench --models mlp --workers 1,2,4',
    'bench --models 784-200-200-50 --workers 1,2 --samples 50',
  ],
  async run({ values, given, switches }, context) {
    if (values.workers !== null) {
      requireUsed({ ...given, ...switches })
      return benchWorkers(
        { ...values, ...networksOf(values), workers: values.workers, limits: limitsOf(values) },
        context,
      )
    }
    if (values.samples !== 1)
      throw new UsageError(
        `--samples ${values.samples}: has no effect without --workers; leave it out, or add --workers 1,2`,
      )
    const asked = { ...values, peers: switches.peers === true }
    requireSameCores(asked)
    refuseOwnFile('--out', asked.out)
    const options = { debug: context.debug, ...(asked.threads !== null && { threads: asked.threads }) }
    const backends = await probeAll(asked.backends, options, context.signal)
    for (const line of backends.map(describeProbed)) context.note(line)
    if (context.signal.aborted) return conclude({ asked, backends, comparisons: [] }, context)
    const tasks = plan(asked, backends, options, context)
    if (asked.out !== null) makeFolder(asked.out)
    const comparisons: Comparison[] = []
    for await (const comparison of runTasks(tasks, asked, context)) {
      for (const line of [...describeComparison(comparison, context.columns), '']) context.print(line)
      comparisons.push(comparison)
    }
    return conclude({ asked, backends, comparisons }, context)
  },
})

/** What --workers does not read. */
const UNUSED = ['backends', 'modes', 'precisions', 'out', 'peers'] as const

function requireUsed(given: Readonly<Record<string, unknown>>): void {
  const unused = UNUSED.find(name => given[name] !== undefined && given[name] !== false)
  if (unused !== undefined)
    throw new UsageError(
      `--${unused}: has no effect with --workers, which times XLA on native TensorFlow; leave one of the two out`,
    )
}

const networksOf = ({ models, batchSizes }: Pick<Asked, 'models' | 'batchSizes'>) => ({
  models: [...new Set(models)].map(name => modelNamed(name) as BenchmarkModel),
  batchSizes: [...new Set(batchSizes)],
})

const limitsOf = ({ limit, seconds }: Pick<Asked, 'limit' | 'seconds'>): Limits => ({
  startSeconds: START_SECONDS + limit,
  firstStepSeconds: limit,
  turnSeconds: Math.max(limit, 5 * seconds),
})

const describeProbed = (one: Probed): string =>
  one.runs
    ? `backend ${one.name}: ${one.version}, ${one.device}`
    : `backend ${one.name} does not run: ${one.reason}. Fix: ${one.fix}`

/** Throws a `UsageError` for --threads with --peers: the peers' libraries have no common setting for it. */
function requireSameCores({ threads, peers }: Asked): void {
  if (threads !== null && peers)
    throw new UsageError(
      `--threads ${threads}: has no effect on PyTorch and JAX; with --peers limit the cores of all processes, as in \`taskset -c 0-${threads - 1} elbo bench --peers\``,
    )
}

/** The tasks. Throws an Error if there is nothing to time. */
function plan(asked: Asked, backends: readonly Probed[], options: BackendOptions, { note }: Context): Task[] {
  const found = asked.peers ? findPeers() : []
  if (typeof found === 'string') note(found)
  const peers = typeof found === 'string' ? [] : found
  const running = backends.filter(one => one.runs)
  const [refused] = backends.filter(one => !one.runs)
  if (running.length === 0 && refused)
    throw new Error(`backend ${refused.name} cannot run: ${refused.reason}. Fix: ${refused.fix}`)
  if (!running.some(backend => backend.modes.some(mode => asked.modes.includes(mode))))
    throw new UsageError(`--modes ${asked.modes}: ${running.map(({ name }) => name).join(', ')} can only run with off`)
  const hasXla = running.some(backend => backend.modes.includes('xla')) && asked.modes.includes('xla')
  if (!asked.precisions.includes('float32') && !hasXla)
    throw new UsageError(`--precisions ${asked.precisions}: only mode xla has it; add float32`)
  return planTasks({
    backends: running,
    modes: asked.modes,
    precisions: [...new Set(asked.precisions)],
    ...networksOf(asked),
    peers,
    options,
  })
}

/** Yields one comparison after the other; if interrupted, the last one has only the finished rounds. */
async function* runTasks(tasks: readonly Task[], asked: Asked, context: Context): AsyncGenerator<Comparison> {
  const { seconds, rounds } = asked
  const bar = progressBar('turns', context)
  const turns = {
    rounds,
    turnMs: seconds * 1000,
    limits: limitsOf(asked),
    signal: context.signal,
    launch: (entry: Entry) => launch(entry, context.debug),
  }
  const turnsOf = ({ entries }: Task) => entries.length * (rounds + 2)
  const total = tasks.reduce((sum, task) => sum + turnsOf(task), 0)
  let before = 0
  for (const task of tasks) {
    if (context.signal.aborted) return
    let done = 0
    const onProgress = (what: string) =>
      bar.update(before + done++, total, `${what} | ${task.model.name}, batch size ${task.batchSize}`)
    const measured = await interleave(task.entries, { ...turns, onProgress }).finally(() => bar.stop())
    before += turnsOf(task)
    if (measured.length > 0) yield compare(task, measured)
  }
}

function launch({ program, args, env, folder }: Entry, debug: boolean) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, ...(folder !== undefined && { cwd: folder }) })
  if (debug) child.stderr.pipe(process.stderr)
  return child
}

interface Outcome {
  asked: Asked
  backends: readonly Probed[]
  comparisons: readonly Comparison[]
}

async function conclude({ asked, backends, comparisons }: Outcome, context: Context): Promise<Result> {
  const interrupted = context.signal.aborted
  const gpu = gpuAgainstCpu(comparisons)
  const machine = describeMachine(backends)
  for (const line of [...gpu.map(describeGpu), machine]) context.print(line)
  const json = { date: new Date().toISOString(), machine, settings: asked, backends, comparisons, gpu, interrupted }
  if (asked.out !== null) await write(asked.out, json, comparisons, context)
  if (interrupted) context.note('interrupted: only finished rounds are counted')
  return { json, interrupted }
}

async function write(
  folder: string,
  json: object,
  comparisons: readonly Comparison[],
  { print }: Context,
): Promise<void> {
  const save = (name: string, content: string | Buffer) => {
    writeFileAtomic(join(folder, name), content)
    return name
  }
  const names = [save('bench.json', `${JSON.stringify(json, null, 1)}\n`)]
  if (comparisons.some(({ rounds }) => rounds > 0)) {
    const [{ benchmarkChart }, { svgToPng }] = await Promise.all([
      import('./benchmark-chart.js'),
      import('../../plots/svg-to-png.js'),
    ])
    const most = Math.max(...comparisons.map(({ rounds }) => rounds))
    const rounds = most === 1 ? 'one round' : `median and range of ${most} rounds`
    const subtitle = `MNIST, dynamic binarization, Adam; ${describeComputer()}; ${rounds}`
    const svg = benchmarkChart(comparisons, subtitle)
    names.push(save('bench.svg', svg), save('bench.png', svgToPng(svg)))
  }
  print(`saved in ${folder}: ${names.join(', ')}`)
}
