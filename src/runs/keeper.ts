/** Where a training keeps its settings, metrics and snapshots: a run directory, or memory. */
import { dirname, join } from 'node:path'
import type * as tf from '#tfjs'
import type { Dataset } from '../data/dataset.js'
import { makeFolder } from '../files/folders.js'
import type { Learner, Method, RunConfig } from '../methods/method.js'
import type { EpochMetrics } from '../methods/metrics.js'
import { UsageError } from '../settings/setting.js'
import { writeRunConfig } from './config-file.js'
import { makeRunFolder, requireLinks, saveSnapshot, snapshotFolder, stepLabel } from './directory.js'
import { removeLeftovers } from './leftovers.js'
import { lockRun } from './lock.js'
import { appendMetrics, dropUnfinished, readHistory } from './metrics-file.js'
import { changedSince } from './own-images.js'
import { type Position, readValues, writeSnapshot } from './snapshot.js'
import { readRunSnapshot, restoreLearner } from './trained-run.js'
import { startFrom } from './warm-start.js'

/** What a training keeps. */
export interface Kept {
  config: RunConfig
  method: Method
  learner: Learner
  data: Dataset
}

export interface Keeper {
  /** What messages call the last good snapshot; undefined if there is none to go back to. */
  readonly place: string | undefined
  /** Restores the latest snapshot and returns its position; undefined if there is none, or if the run begins anew. */
  restore(kept: Kept): Position | undefined
  /** Called once at the start of a new run, before its weights are initialized. */
  begin(kept: Kept, position: Position): void
  /** Copies the weights of `config.initFrom` into the learner. */
  warmStart(kept: Kept): Promise<void>
  /** The metrics of all finished passes. */
  history(position: Position): EpochMetrics[]
  append(metrics: EpochMetrics): void
  save(kept: Kept, position: Position, isBest: boolean): Promise<void>
  close(): void
}

interface FolderOptions {
  /** Resume from the latest snapshot, if there is one. */
  resume: boolean
  /** The caller has locked the run, and unlocks it. */
  isLocked: boolean
}

/** Locks the run in `folder`, which is created if it does not exist. */
export function keepInFolder(folder: string, { resume, isLocked }: FolderOptions): Keeper {
  makeFolder(folder)
  const unlock = isLocked ? () => {} : lockRun(folder)
  try {
    makeRunFolder(folder)
    removeLeftovers(folder)
    requireLinks(folder)
  } catch (error) {
    unlock()
    throw error
  }
  return {
    place: join(folder, 'latest'),
    restore(kept) {
      if (!resume || snapshotFolder(folder, 'latest') === undefined) return undefined
      const position = restore(folder, kept)
      dropUnfinished(folder, position)
      writeRunConfig(folder, kept.config)
      return position
    },
    begin({ config }, position) {
      writeRunConfig(folder, config)
      dropUnfinished(folder, position)
    },
    async warmStart({ config, learner, data }) {
      if (config.initFrom && learner.vae) await startFrom(config.initFrom, dirname(folder), learner.vae, config, data)
    },
    history: position => readHistory(folder, position),
    append: metrics => appendMetrics(folder, metrics),
    save: (kept, position, isBest) => writeRunSnapshot(folder, kept, position, isBest),
    close: unlock,
  }
}

function restore(folder: string, { config, method, learner, data }: Kept): Position {
  const { snapshot, path } = readRunSnapshot(folder, 'latest')
  const changed = changedSince(data, snapshot.data)
  if (changed !== undefined)
    throw new Error(
      `${path}: this run was trained on other ${changed} than those of --data ${config.data}; use the original ${changed}`,
    )
  const beginsAgain = restoreLearner(learner, method.settings.fixed(config), snapshot, path)
  const { position } = snapshot
  if (position.epoch > config.epochs)
    throw new UsageError(
      `--epochs ${config.epochs}: ${folder} has already finished ${position.epoch} epochs; use a larger --epochs`,
    )
  return beginsAgain ? { ...position, step: position.step - position.stepInEpoch, stepInEpoch: 0, sums: {} } : position
}

/** Writes the state of the learner as the latest snapshot of a run directory, and if `isBest` as the best one. */
function writeRunSnapshot(
  folder: string,
  { config, method, learner, data }: Kept,
  position: Position,
  isBest: boolean,
): Promise<void> {
  const { sha256, rows, columns, channels, classes } = data
  const snapshot = {
    algorithm: learner.algorithm,
    settings: method.settings.fixed(config),
    data: {
      source: config.data,
      ...{ sha256, rows, columns, ...(channels > 1 && { channels }) },
      images: data.train.count,
      ...(classes && { classes }),
    },
    position,
  }
  return saveSnapshot(folder, stepLabel(position.step), isBest, to =>
    writeSnapshot(to, snapshot, learner.variables, learner.models),
  )
}

/** The values of all variables at a position. */
export interface State {
  readonly position: Position
  readonly values: ReadonlyMap<string, Float32Array>
}

export interface MemoryKeeper extends Keeper {
  /** The state of the best pass so far; undefined before the first pass. */
  best(): State | undefined
}

/** Keeps the metrics, and the state of the best pass, in memory. */
export function keepInMemory(): MemoryKeeper {
  let best: State | undefined
  return {
    place: undefined,
    best: () => best,
    restore: () => undefined,
    begin() {},
    async warmStart({ config }) {
      if (config.initFrom) throw new UsageError('initFrom: needs a run directory; load that run and go on from it')
    },
    history: () => [],
    append() {},
    async save({ learner }, position, isBest) {
      if (isBest) best = await stateOf(learner.variables, position)
    },
    close() {},
  }
}

/** Keeps nothing: the worker of a team whose chief keeps the run. `history` is the chief's. */
export function keepNothing(): Keeper {
  return {
    place: undefined,
    restore: () => undefined,
    begin() {},
    async warmStart() {},
    history: () => [],
    append() {},
    async save() {},
    close() {},
  }
}

/** A copy of the values of all variables. */
export async function stateOf(variables: ReadonlyMap<string, tf.Variable>, position: Position): Promise<State> {
  const values = await readValues(variables)
  return {
    position: structuredClone(position),
    values: new Map([...values].map(([name, { data }]) => [name, data as Float32Array])),
  }
}
