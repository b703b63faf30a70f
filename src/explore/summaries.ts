/** What the page says of each run: the same as `elbo runs`, and whether it trains now. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { sourceName } from '../data/dataset.js'
import { methodOf } from '../methods/list.js'
import type { EpochMetrics } from '../methods/metrics.js'
import { readRunConfig } from '../runs/config-file.js'
import { snapshotFolder } from '../runs/directory.js'
import { isLocked } from '../runs/lock-state.js'
import { metricsFile, readHistory } from '../runs/metrics-file.js'
import { readRunHeader } from '../runs/trained-run.js'
import type { Run, RunSummary } from './protocol.js'

/** Epochs whose mean time is taken for those that are left. */
const RECENT = 5

/** Describes the runs in a folder; what has not changed since is not read again. */
export function runSummaries(checkpoints: string): (name: string) => RunSummary {
  const known = new Map<string, { version: string; summary: RunSummary }>()
  return name => {
    const folder = join(checkpoints, name)
    const version = versionOf(folder)
    const before = known.get(name)
    const summary = before?.version === version ? before.summary : describe(folder, name)
    known.set(name, { version, summary })
    if ('error' in summary || !isLocked(folder)) return summary
    return { ...summary, isTraining: true }
  }
}

/** Changes with whatever `describe` reads. */
function versionOf(folder: string): string {
  const paths = [join(folder, 'config.json'), metricsFile(folder), join(folder, 'latest'), join(folder, 'best')]
  return paths
    .map(path => {
      try {
        const found = statSync(path)
        return `${found.ino}:${found.size}:${found.mtimeMs}`
      } catch (error) {
        return (error as NodeJS.ErrnoException).code
      }
    })
    .join(' ')
}

function describe(folder: string, name: string): RunSummary {
  try {
    const config = readRunConfig(folder)
    const method = methodOf(config)
    const { model, prior, bound, reads } = method.traits(config)
    const reached = positionOf(folder)
    const history = reached === undefined ? [] : readHistory(folder, reached)
    const { epoch = 0, step = 0, best = null } = reached ?? {}
    const seconds = history.at(-1)?.seconds
    return {
      name,
      method: method.name,
      command: method.command,
      model,
      prior,
      bound,
      data: sourceName(config.data),
      reads,
      epochs: config.epochs,
      epoch,
      step,
      best: best && { epoch: best.epoch, bound: best.validationBound },
      isTraining: false,
      ...(seconds !== undefined && { seconds, ...timeLeft(history, config.epochs) }),
    }
  } catch (error) {
    return { name, error: (error as Error).message }
  }
}

/** Undefined before the first snapshot of a run that is just beginning. */
function positionOf(folder: string) {
  const begins = snapshotFolder(folder, 'latest') === undefined && isLocked(folder)
  return begins ? undefined : readRunHeader(folder, 'latest').position
}

function timeLeft(history: readonly EpochMetrics[], epochs: number): Pick<Run, 'secondsLeft'> {
  const [last, before] = [history.at(-1), history.at(-1 - RECENT)]
  if (last === undefined || epochs <= last.epoch) return {}
  const [seconds, passes] = before
    ? [last.seconds - before.seconds, last.epoch - before.epoch]
    : [last.seconds, last.epoch]
  return { secondsLeft: (seconds / passes) * (epochs - last.epoch) }
}
