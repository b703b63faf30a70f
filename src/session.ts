/** A VAE with its training algorithm, made from a configuration or brought back from a run directory. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readWhole, writeFileAtomic } from './checkpoints/files.js'
import { type SnapshotName, snapshotFolder } from './checkpoints/run-directory.js'
import { assignVariables, readSnapshot, type Snapshot } from './checkpoints/snapshot.js'
import { type Config, completeConfig, fixedSettings, parseConfig } from './config.js'
import { type Dataset, meanImage } from './data/dataset.js'
import type { Algorithm } from './inference/algorithm.js'
import { trainVae } from './inference/vae.js'
import { createVae, initialize, type Vae } from './models/vae.js'
import { streamKey } from './random.js'

export interface Session {
  vae: Vae
  algorithm: Algorithm
  dispose(): void
}

/** Networks for images of that size and optimizer, with zero weights and slots. */
export function createSession(config: Config, { rows, columns }: { rows: number; columns: number }): Session {
  const vae = createVae({ ...config, rows, columns })
  const algorithm = trainVae(vae, { ...config, clipNorm: config.clipNorm ?? undefined })
  return {
    vae,
    algorithm,
    dispose() {
      algorithm.dispose()
      vae.dispose()
    },
  }
}

/** Draws the initial weights that the configuration's seed decides. */
export function initializeSession({ vae }: Session, config: Config, data: Dataset): void {
  const bias = config.outputBias === 'mean-image' ? meanImage(data.train) : undefined
  initialize(vae, streamKey(config.seed, 'weights'), bias)
}

/** The settings that a run was started with. */
export function readRunConfig(folder: string): Config {
  const path = join(folder, 'config.json')
  if (!existsSync(path)) throw new Error(`${folder}: there is no run here (no config.json)`)
  return completeConfig(parseConfig(readWhole(path).toString(), path), path)
}

/** Writes config.json, every setting resolved. */
export function writeRunConfig(folder: string, config: Config): void {
  writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
}

/** A trained model as evaluation wants it. */
export interface TrainedVae {
  config: Config
  snapshot: Snapshot
  vae: Vae
  dispose(): void
}

/** Brings back a run's networks from its `latest` or `best` snapshot. */
export function loadTrainedVae(folder: string, name: SnapshotName): TrainedVae {
  const config = readRunConfig(folder)
  const { snapshot, path } = readRunSnapshot(folder, name)
  const session = createSession(config, snapshot.data)
  restoreSession(session, config, snapshot, path)
  return { config, snapshot, vae: session.vae, dispose: session.dispose }
}

/** Gives a session the state of a snapshot that was made with the same settings; `path` is for error messages. */
export function restoreSession({ algorithm }: Session, config: Config, snapshot: Snapshot, path: string): void {
  const file = join(path, 'state.safetensors')
  for (const [name, value] of Object.entries(fixedSettings(config))) {
    const [now, then] = [JSON.stringify(value), JSON.stringify(snapshot.settings[name])]
    if (now !== then) throw new Error(`${file}: was trained with ${name} = ${then}, but config.json says ${now}`)
  }
  assignVariables(algorithm.variables, snapshot.tensors, file)
}

/** Reads a snapshot; if a training process replaced it in the meantime, reads the new one. */
export function readRunSnapshot(folder: string, name: SnapshotName): { snapshot: Snapshot; path: string } {
  const path = snapshotFolder(folder, name)
  if (!path) throw new Error(`${join(folder, name)}: there is no snapshot here yet${hint(folder, name)}`)
  try {
    return { snapshot: readSnapshot(path, join(folder, name)), path: join(folder, name) }
  } catch (error) {
    if (snapshotFolder(folder, name) !== path) return readRunSnapshot(folder, name)
    throw error
  }
}

function hint(folder: string, name: SnapshotName): string {
  const unfinished = name === 'best' && snapshotFolder(folder, 'latest') !== undefined
  return unfinished ? ': no epoch has finished; --snapshot latest takes what there is' : ''
}
