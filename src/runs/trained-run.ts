/** A trained model, brought back from its run directory. */
import { join } from 'node:path'
import { methodOf } from '../methods/list.js'
import type { Learner, Method, RunConfig } from '../methods/method.js'
import type { Vae } from '../models/vae.js'
import { shortened, UsageError } from '../settings/setting.js'
import { readRunConfig } from './config-file.js'
import { type SnapshotName, snapshotFolder } from './directory.js'
import { assignVariables, readSnapshot, readSnapshotHeader, type Snapshot, type SnapshotHeader } from './snapshot.js'

/** A trained model as pictures and evaluation want it. */
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

/** Brings back a run's model from its `latest` or `best` snapshot. */
export function loadTrainedRun(folder: string, name: SnapshotName): TrainedRun {
  const config = readRunConfig(folder)
  const { snapshot, path } = readRunSnapshot(folder, name)
  const method = methodOf(config)
  requireSettings(method.settings.fixed(config), snapshot, join(path, 'state.safetensors')) // before a model of a wrong size is made
  const learner = method.create(config, snapshot.data)
  restoreLearner(learner, method.settings.fixed(config), snapshot, path)
  return { method, config, snapshot, learner }
}

/** The run with its networks; undefined if its model has no encoder. */
export const asTrainedVae = (run: TrainedRun): TrainedVae | undefined =>
  run.learner.vae && { ...run, vae: run.learner.vae }

/** Brings back a run's networks from its `latest` or `best` snapshot; throws a `UsageError` if its model has no encoder. */
export function loadTrainedVae(folder: string, name: SnapshotName): TrainedVae {
  const run = loadTrainedRun(folder, name)
  const trained = asTrainedVae(run)
  if (trained) return trained
  run.learner.dispose()
  throw new UsageError(`${folder}: holds a ${run.learner.algorithm}; this needs a VAE, as \`elbo train\` makes it`)
}

/** Gives a learner the state of a snapshot that was made with the same settings; `path` is for error messages. */
export function restoreLearner(
  { algorithm, variables, addedVariables, restored }: Learner,
  settings: Record<string, unknown>,
  snapshot: Snapshot,
  path: string,
): void {
  const file = join(path, 'state.safetensors')
  if (snapshot.algorithm !== algorithm) {
    throw new Error(
      `${file}: metadata algorithm: was trained by ${snapshot.algorithm}, but config.json asks for ${algorithm}`,
    )
  }
  requireSettings(settings, snapshot, file)
  for (const name of addedVariables ?? []) if (!snapshot.tensors.has(name)) variables.delete(name)
  assignVariables(variables, snapshot.tensors, file)
  restored?.()
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
    ? 'there is no snapshot here yet: no epoch has finished; --snapshot latest takes what there is'
    : 'the snapshot is missing: it was deleted, or its link leads nowhere; latest is there: --snapshot latest takes it'
}
