/** Loads a run directory as a fitted model. */
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { imageShape } from '../data/images.js'
import { makeFolder } from '../files/folders.js'
import type { SnapshotName } from '../runs/directory.js'
import { readHistory } from '../runs/metrics-file.js'
import { loadTrainedRun } from '../runs/trained-run.js'
import { openedBackend } from './backend.js'
import { type FittedModel, type FittedVae, fittedModel, fittedVae } from './model.js'
import { inWordsOfTheLibrary } from './settings.js'

export interface LoadOptions {
  /** Left out, it is the snapshot with the highest validation bound; without validation that is the last. */
  readonly snapshot?: SnapshotName
  /** Left out, it is the backend that is open, or else the fastest that runs here. */
  readonly backend?: string
}

/**
 * Loads the model of a run directory, written by `elbo train`, `elbo em` or `save`. Throws an Error that names the file if anything in it is
 * missing or damaged.
 *
 * @example
 * const images = { data: new Uint8Array(60 * 4 * 4).map((_, i) => 50 * (i % 5)), shape: [60, 4, 4] }
 * const fitted = await fit(images, { model: 'bernoulli-mixture', components: 2, epochs: 5 })
 * await fitted.save('checkpoints/two')
 * const model = await load('checkpoints/two')
 * console.log(model.method, (await model.sample(9)).shape) // bernoulli-mixture [ 9, 4, 4 ]
 */
export async function load(folder: string, { snapshot = 'best', backend }: LoadOptions = {}): Promise<FittedModel> {
  await openedBackend(backend)
  return inWordsOfTheLibrary('load', () => {
    const run = loadTrainedRun(folder, snapshot)
    const history = readHistory(folder, run.snapshot.position, snapshot)
    const save = async (to: string) => copyRun(folder, to)
    const { data } = run.snapshot
    const parts = { ...run, image: imageShape(data), classes: data.classes?.names, history, save }
    return fittedVae(parts) ?? fittedModel(parts)
  })
}

/**
 * The same of a run of `elbo train`. Throws an Error if its model has no encoder.
 *
 * @example
 * const images = { data: new Uint8Array(60 * 4 * 4).map((_, i) => 50 * (i % 5)), shape: [60, 4, 4] }
 * const fitted = await fit(images, { latentDim: 2, hidden: [8], epochs: 1, batchSize: 10 })
 * await fitted.save('checkpoints/small')
 * const model = await loadVae('checkpoints/small')
 * console.log((await model.encode(images)).shape) // [ 60, 2 ]
 */
export async function loadVae(folder: string, options: LoadOptions = {}): Promise<FittedVae> {
  const model = await load(folder, options)
  if ('vae' in model) return model as FittedVae
  model.dispose()
  throw new Error(`loadVae: ${folder}: the model is ${model.method}, which has no encoder; use load`)
}

function copyRun(from: string, to: string): void {
  requireNoRun(to)
  makeFolder(to)
  for (const name of ['config.json', 'metrics.jsonl', 'snapshots', 'latest', 'best'])
    if (existsSync(join(from, name)))
      cpSync(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true })
}

/** Throws an Error if a folder holds a run. */
export function requireNoRun(folder: string): void {
  if (existsSync(join(folder, 'config.json')))
    throw new Error(`save: ${folder} already holds a run; choose another folder`)
}
