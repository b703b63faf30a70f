/** Loads a trained model from its run directory. */
import { join } from 'node:path'
import { methodOf } from '../methods/list.js'
import type { Learner, Method, RunConfig } from '../methods/method.js'
import type { Vae } from '../models/vae.js'
import { shortened, UsageError } from '../settings/setting.js'
import { readRunConfig } from './config-file.js'
import { type SnapshotName, snapshotFolder } from './directory.js'
import {
  assignVariables,
  type Position,
  readSnapshot,
  readSnapshotHeader,
  type Snapshot,
  type SnapshotHeader,
} from './snapshot.js'

/** A trained model with its settings and its snapshot. */
export interface TrainedRun {
  method: Method
  config: RunConfig
  snapshot: Snapshot
  learner: Learner
}

/** A run whose model has an encoder and a decoder. */
export interface TrainedVae extends TrainedRun {
  vae: Vae
}

/** Loads the model of a run from its `latest` or `best` snapshot. */
export function loadTrainedRun(folder: string, name: SnapshotName): TrainedRun {
  const config = readRunConfig(folder)
  const { snapshot, path } = readRunSnapshot(folder, name)
  const method = methodOf(config)
  requireSettings(method.settings.fixed(config), snapshot, join(path, 'state.safetensors')) // before a model of a wrong size is made
  const learner = method.create(config, snapshot.data)
  restoreLearner(learner, method.settings.fixed(config), snapshot, path)
  learner.startPass?.(lastPass(snapshot.position))
  return { method, config, snapshot, learner }
}

/** The pass that a position is in or, between two, behind; numbered by those that ended before it. */
export const lastPass = ({ epoch, stepInEpoch }: Pick<Position, 'epoch' | 'stepInEpoch'>): number =>
  stepInEpoch > 0 ? epoch : Math.max(0, epoch - 1)

/** The run as a VAE; undefined if its model has no encoder. */
const asTrainedVae = (run: TrainedRun): TrainedVae | undefined => run.learner.vae && { ...run, vae: run.learner.vae }

/** Loads the VAE of a run from its `latest` or `best` snapshot. Throws a `UsageError` if its model has no encoder. */
export function loadTrainedVae(folder: string, name: SnapshotName): TrainedVae {
  const run = loadTrainedRun(folder, name)
  const trained = asTrainedVae(run)
  if (trained) return trained
  run.learner.dispose()
  throw new UsageError(`${folder}: this needs a VAE, a run of \`elbo train\`; the run is ${run.learner.algorithm}`)
}

/**
 * Restores a learner from a snapshot with the same settings; `path` is for error messages. Returns whether a pass that it was saved in begins
 * again, because an older version stored other sums. Throws an Error if the settings differ.
 */
export function restoreLearner(
  { algorithm, variables, older, restored }: Learner,
  settings: Record<string, unknown>,
  snapshot: Snapshot,
  path: string,
): boolean {
  const file = join(path, 'state.safetensors')
  if (snapshot.algorithm !== algorithm) {
    throw new Error(
      `${file}: metadata algorithm: was trained by ${snapshot.algorithm}, but config.json asks for ${algorithm}`,
    )
  }
  requireSettings(settings, snapshot, file)
  const isOlder = older !== undefined && !snapshot.tensors.has(older.lack)
  const kept = <T>(entries: ReadonlyMap<string, T>) =>
    isOlder ? new Map([...entries].filter(([name]) => !older.renew(name))) : entries
  assignVariables(kept(variables), kept(snapshot.tensors), file)
  restored?.()
  return isOlder
}

/** Throws an Error if a snapshot was made with other settings; `file` is for its message. */
export function requireSettings(settings: Record<string, unknown>, snapshot: SnapshotHeader, file: string): void {
  for (const [name, value] of Object.entries(settings)) {
    const [now, then] = [JSON.stringify(value), JSON.stringify(snapshot.settings[name] ?? null)] // older runs lack newer settings
    if (now !== then)
      throw new Error(`${file}: was trained with ${name} = ${shortened(then)}, but config.json says ${shortened(now)}`)
  }
}

/** Reads a snapshot; if a training process replaced it in the meantime, reads the new one. */
export function readRunSnapshot(folder: string, name: SnapshotName): { snapshot: Snapshot; path: string } {
  return { snapshot: readCurrent(folder, name, readSnapshot), path: join(folder, name) }
}

/** The same of its header alone. */
export const readRunHeader = (folder: string, name: SnapshotName): SnapshotHeader =>
  readCurrent(folder, name, readSnapshotHeader)

function readCurrent<T>(folder: string, name: SnapshotName, read: (path: string, shownAs: string) => T): T {
  const shownAs = join(folder, name)
  const path = snapshotFolder(folder, name)
  if (!path) throw new Error(`${shownAs}: ${whyMissing(folder, name)}`)
  try {
    return read(path, shownAs)
  } catch (error) {
    if (snapshotFolder(folder, name) !== path) return readCurrent(folder, name, read)
    throw error
  }
}

function whyMissing(folder: string, name: SnapshotName): string {
  if (name === 'latest' || snapshotFolder(folder, 'latest') === undefined) return 'there is no snapshot here yet'
  return readRunHeader(folder, 'latest').position.best === null
    ? 'there is no snapshot here yet: no epoch has finished; there is only a latest snapshot'
    : 'the snapshot is missing: it was deleted, or its link leads nowhere; the latest snapshot is there'
}
