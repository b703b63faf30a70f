/** A VAE with its training algorithm, made from a configuration or brought back from a run directory. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type SnapshotName, snapshotFolder } from './checkpoints/run-directory.js'
import { assignVariables, readSnapshot, type Snapshot } from './checkpoints/snapshot.js'
import { type Config, completeConfig, parseConfig } from './config.js'
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

/** Networks and optimizer with zero weights and slots. */
export function createSession(config: Config, pixels: number): Session {
  const vae = createVae({ ...config, pixels })
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
  return completeConfig(parseConfig(readFileSync(path, 'utf8'), path), path)
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
  const session = createSession(config, snapshot.data.rows * snapshot.data.columns)
  assignVariables(session.algorithm.variables, snapshot.tensors, join(path, 'state.safetensors'))
  return { config, snapshot, vae: session.vae, dispose: session.dispose }
}

/** Reads a snapshot; if a training process replaced it in the meantime, reads the new one. */
export function readRunSnapshot(folder: string, name: SnapshotName): { snapshot: Snapshot; path: string } {
  const path = snapshotFolder(folder, name)
  if (!path) throw new Error(`${join(folder, name)}: there is no snapshot here yet`)
  try {
    return { snapshot: readSnapshot(path, join(folder, name)), path: join(folder, name) }
  } catch (error) {
    if (snapshotFolder(folder, name) !== path) return readRunSnapshot(folder, name)
    throw error
  }
}
