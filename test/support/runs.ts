/** Small runs: how tests train them, stop them and read what they leave. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { resolveConfig } from '../../src/methods/vae.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import type { SnapshotName } from '../../src/runs/directory.js'
import { readReached } from '../../src/runs/reached.js'
import { train } from '../../src/runs/train.js'
import type { TrainingJob, TrainingResult } from '../../src/runs/training.js'
import { fixedMode, useBackend } from './backend.js'
import { smallMnist } from './idx-file.js'
import { temporaryFolder } from './temporary-folder.js'

/** Where a run can begin: a folder that is not there yet. */
export const newRun = (): string => join(temporaryFolder(), 'run')

/** What a job may have besides folder, settings and backend. */
export type TrainingOptions = Omit<TrainingJob, 'folder' | 'config' | 'backend'>

let images: string | undefined

/** The settings that `trainSmall` trains with: 1,000 images, 20 steps an epoch. */
export async function smallConfig(changes: Partial<VaeConfig> = {}): Promise<VaeConfig> {
  images ??= smallMnist(1200, 100)
  const compile = fixedMode(await useBackend())
  const small = { batchSize: 50, hidden: [16], latentDim: 4, epochs: 4, learningRate: 5e-3 }
  return resolveConfig({ data: images, compile, ...small }, changes)
}

/** Trains a small VAE on the fastest backend that runs here. */
export async function trainSmall(
  folder: string,
  changes: Partial<VaeConfig> = {},
  options: TrainingOptions = {},
): Promise<TrainingResult> {
  return train({ folder, config: await smallConfig(changes), backend: await useBackend(), ...options })
}

/** Options that interrupt a training with its first sign of progress: after the first chunk, which is one step. */
export function stopAfterFirstStep(): Pick<TrainingJob, 'signal' | 'observer'> {
  const stop = new AbortController()
  return { signal: stop.signal, observer: { progress: () => stop.abort() } }
}

/** The bytes of a snapshot's weights and optimizer. */
export const readState = (run: string, name: SnapshotName = 'latest'): Buffer =>
  readFileSync(join(run, name, 'state.safetensors'))

/** The lines of metrics.jsonl of the passes that the run has finished. */
export const readMetrics = (run: string) => readReached(run)?.history ?? []

/** The settings in config.json. */
export const readConfig = (run: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'))

/** Both runs have learned the same, byte for byte. */
export function expectSameState(run: string, other: string, name: SnapshotName = 'latest'): void {
  expect(readState(run, name).equals(readState(other, name)), `${name} of ${run} and ${other}`).toBe(true)
}
