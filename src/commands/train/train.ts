/** `elbo train`: trains a VAE and writes its run directory. */

import { existsSync } from 'node:fs'
import { withAbsolutePaths } from '../../data/dataset.js'
import { MOST_JSON, readWhole } from '../../files/reading.js'
import type { Cluster } from '../../libtensorflow/cluster.js'
import type { Method, RunConfig } from '../../methods/method.js'
import { resolveConfig, vae } from '../../methods/vae.js'
import { type PresetName, presets } from '../../methods/vae-presets.js'
import { type VaeConfig, vaeFlags, vaeSettings } from '../../methods/vae-settings.js'
import { readRunConfig } from '../../runs/config-file.js'
import { hasHistory, runFolder } from '../../runs/directory.js'
import { trainingRecords } from '../../runs/records.js'
import { together } from '../../runs/team.js'
import { train as trainRun } from '../../runs/train.js'
import type { TrainingObserver, TrainingResult } from '../../runs/training.js'
import { runOf, withStep } from '../../runs/warm-start.js'
import { choice, inGroup, text, UsageError } from '../../settings/setting.js'
import { clusterOf, clusterOptions, neighbours, restartOption } from '../cluster.js'
import { type Context, command, type Result } from '../command.js'
import { endWithParent, launchWorkers } from '../launch.js'
import { existingRun, openAndSay, withThreads } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import { sayAlive, sayMet } from '../start-watch.js'
import { type LatentUse, measureUse } from './latent-use.js'
import { claimRun, knownRuns, noteThreads, requireEmpty, requireMethod } from './run-folder.js'
import { conclude, type NamedRun, newObserver } from './training-lines.js'

/** The switch of `train` and `em`. */
export const resumeSwitch = {
  resume: { description: 'continue where the run stopped, bit for bit', group: 'run' },
} as const

export const train = command({
  name: vae.command,
  summary: vae.summary,
  options: {
    ...inGroup('run', {
      run: text('name of the run', { placeholder: 'run', unset: 'the first unused vae-N' }),
      preset: choice(Object.keys(presets) as [PresetName, ...PresetName[]], 'default', [
        'settings to start from, see `elbo presets`',
        'Settings to start from. `elbo presets` describes them. --config and flags override them.',
      ]),
      config: text([
        'JSON file of settings, between preset and flags',
        'JSON file of settings, as in config.json of a run. It overrides the preset, and flags override it.',
      ]),
    }),
    ...vaeFlags,
    ...clusterOptions,
    maxRestarts: restartOption,
  },
  finishesOnInterrupt: true,
  switches: resumeSwitch,
  examples: vae.examples,
  run(
    {
      values: { run, preset, config, cluster, task, maxRestarts },
      given: {
        run: _,
        preset: givenPreset,
        config: givenConfig,
        cluster: _cluster,
        task: _task,
        maxRestarts: _restarts,
        ...given
      },
      switches,
    },
    context,
  ) {
    requireRestartable(maxRestarts, run)
    const asked = Object.entries({ preset: givenPreset, config: givenConfig }).find(([, value]) => value !== undefined)
    return trainRequested(
      {
        method: vae,
        run,
        prefix: vae.name,
        resume: switches.resume === true,
        cluster: clusterOf({ cluster, task }),
        maxRestarts,
        fresh: () => fresh(preset, config, given, context.checkpoints),
        resumed(saved) {
          if (asked) throw new UsageError(`--${asked[0]}: a resumed run keeps its own settings; leave this out`)
          return vaeSettings.resume(saved as VaeConfig, given)
        },
      },
      context,
    )
  },
})

/** A training that starts again continues a run, so it must know its name. */
export function requireRestartable(maxRestarts: number, run: string | null): void {
  if (maxRestarts > 0 && run === null)
    throw new UsageError(`--max-restarts ${maxRestarts}: name the run with --run, so that it can be continued`)
}

function fresh(preset: PresetName, path: string | null, given: Partial<VaeConfig>, checkpoints: string): VaeConfig {
  const file = path === null ? {} : vaeSettings.parse(readConfigFile(path), path)
  const config = resolveConfig(presets[preset].config, file, given)
  if (config.initFrom === null) return config
  return { ...config, initFrom: withStep(config.initFrom, existingRun(runOf(config.initFrom), checkpoints)) }
}

function readConfigFile(path: string): string {
  if (!existsSync(path)) throw new UsageError(`--config ${path}: there is no such file`)
  return readWhole(path, path, MOST_JSON).toString()
}

/** A run to train: its name and its settings. */
export interface TrainingRequest {
  method: Method
  /** Null: the first unused of PREFIX-1, PREFIX-2, … */
  run: string | null
  prefix: string
  resume: boolean
  /** The settings of a new run. */
  fresh(): RunConfig
  /** The settings of a resumed run that began with `saved`. */
  resumed(saved: RunConfig): RunConfig
  /** The workers that train together; absent: this process alone, unless the settings name several workers. */
  cluster?: Cluster | undefined
  maxRestarts?: number
  /** The command that continues after an interruption; default: that of the method. */
  continueWith?: string
}

/** Trains a new run, or resumes one. */
export async function trainRequested(request: TrainingRequest, context: Context): Promise<Result> {
  const { method, run, resume } = request
  if (request.cluster !== undefined) sayAlive()
  if (resume && run === null)
    throw new UsageError(`--resume: name the run with --run ${knownRuns(context.checkpoints)}`)
  const named = run === null ? undefined : runFolder(context.checkpoints, run)
  const follows = request.cluster !== undefined && request.cluster.index > 0
  if (named && !resume && !follows) requireEmpty(named)
  const saved = named && resume ? readRunConfig(named) : undefined
  if (saved) requireMethod(saved, method)
  const asked = inCluster(saved ? request.resumed(saved) : request.fresh(), method, request.cluster)
  if (request.cluster === undefined && (asked.workers ?? 1) > 1)
    return launchWorkers(asked.workers ?? 1, request.maxRestarts ?? 0, context)
  const config = { ...withThreads(asked, neighbours(request.cluster)), ...withAbsolutePaths(asked) }
  if (saved) noteThreads(saved, config, context)
  return request.cluster && follows
    ? follow(request.cluster, { name: '', folder: '', config, method, resume }, context)
    : lead(request, config, context)
}

/** The settings with the number of workers of the cluster. Throws a `UsageError` if they cannot train together. */
function inCluster(config: RunConfig, method: Method, cluster: Cluster | undefined): RunConfig {
  if (cluster === undefined) return config
  const { workers = 1, batchSize } = config
  const count = cluster.workers.length
  if (workers !== 1 && workers !== count)
    throw new UsageError(`--workers ${workers}: the cluster has ${count} workers; leave one of the two out`)
  if (method.traits(config).passes === 'shuffled' && batchSize % count !== 0)
    throw new UsageError(
      `--batch-size ${batchSize}: the cluster has ${count} workers, and each takes an equal part; use a multiple of ${count}`,
    )
  const together = { ...config, workers: count }
  const conflict = method.conflicts(together)
  if (conflict !== undefined) throw new UsageError(conflict)
  return together
}

/** Trains as the process that writes the run: alone, or as the chief of a cluster. */
async function lead(request: TrainingRequest, config: RunConfig, context: Context): Promise<Result> {
  const { method, resume, continueWith } = request
  const claim = claimRun(context, request, config)
  const { name, folder } = claim
  try {
    const started = { name, folder, config, method, resume }
    const command = continueWith ?? `${method.command} --run ${name} --resume`
    return await trainNamed(started, command, request.cluster, context)
  } catch (error) {
    // A run that did not start leaves no folder behind.
    if (!resume && !hasHistory(folder)) claim.discard()
    throw error
  } finally {
    claim.release()
  }
}

/** What follows when a worker is gone. */
const CONTINUES = 'the training ends, and --resume continues it from the last snapshot'

async function trainNamed(
  run: NamedRun,
  command: string,
  cluster: Cluster | undefined,
  context: Context,
): Promise<Result> {
  const { name, folder, config, resume } = run
  const backend = await openAndSay(config.backend, config.threads, context, cluster)
  const bar = progressBar('steps', context)
  const records = trainingRecords(folder, config, backend)
  if (records.missing) context.note(records.missing)
  let use: LatentUse | undefined
  const observer: Partial<TrainingObserver> = {
    ...newObserver(run, bar, records, context),
    async ended(codes, data) {
      use = await measureUse(codes, data, run)
    },
  }
  const job = { folder, config, resume, backend, isLocked: true, signal: context.signal, observer }
  const meeting = { ...context, met: sayMet }
  const result = await together(() => trainRun(job), CONTINUES, meeting).finally(() => bar.stop())
  if (result.ended !== 'finished' && result.history.length > 0) await records.drawCurve(result.history)
  conclude(result, { ...run, use }, command, context)
  return {
    json: { run: name, folder, backend: backend.name, ...summary(result), ...(use && { latentUse: use }) },
    interrupted: result.ended === 'interrupted',
    failed: result.ended === 'fallen',
  }
}

/** Trains as a worker that writes nothing. */
async function follow(cluster: Cluster, { config }: NamedRun, context: Context): Promise<Result> {
  endWithParent()
  const backend = await openAndSay(config.backend, config.threads, context, cluster)
  const job = { folder: '', config, backend, signal: context.signal }
  const { ended } = await together(() => trainRun(job), CONTINUES, { ...context, met: sayMet })
  return { json: { worker: cluster.index, ended }, interrupted: ended === 'interrupted', failed: ended === 'fallen' }
}

function summary({ ended, position, history }: TrainingResult) {
  return { ended, epoch: position.epoch, step: position.step, best: position.best, last: history.at(-1) ?? null }
}
