/** A model with the algorithm that fits it, made from a configuration or brought back from a run directory. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Dataset, Split } from '../data/dataset.js'
import { meanImage } from '../data/images.js'
import { readWhole, writeFileAtomic } from '../files/files.js'
import type { Algorithm, AnnealedAlgorithm } from '../inference/algorithm.js'
import { gradientAscent } from '../inference/gradient-ascent.js'
import { wakeSleep } from '../inference/wake-sleep.js'
import { createVae, initialize, type Vae } from '../models/vae.js'
import { streamKey } from '../random.js'
import { type SnapshotName, snapshotFolder } from '../runs/directory.js'
import { assignVariables, readSnapshot, type Snapshot } from '../runs/snapshot.js'
import { UsageError } from '../settings/setting.js'
import { type Config, vaeSettings } from './config.js'
import { type EmConfig, emTable } from './em-config.js'
import { createEmSession } from './em-session.js'
import { type Pictures, vaePictures } from './pictures.js'

/** What config.json holds: the settings of `train`, or those of `em`, which name their model. */
export type RunConfig = Config | EmConfig

export interface Session {
  /** What learns, as snapshots name it. */
  readonly method: string
  readonly algorithm: Algorithm | AnnealedAlgorithm
  readonly pictures: Pictures
  /** The networks, where the model is a VAE. */
  readonly vae?: Vae
  /** Gives the state that the run starts from, which the configuration's seed decides; `images()` are those of a whole pass. */
  initialize(data: Dataset, images: () => Split): void | Promise<void>
  /** To be called once `algorithm.variables` have been brought back. */
  restored?(): void
  dispose(): void
}

/** What a session is made for. */
export interface ImageSize {
  rows: number
  columns: number
  /** Training images. */
  images: number
}

export const isEm = (config: RunConfig): config is EmConfig => 'model' in config

/** Whether the bound of the run's model is log p(x) itself. */
export const isExact = (config: RunConfig): boolean =>
  isEm(config) && config.method !== 'mean-field' && config.model !== 'vae'

/** What the run climbs: the bound of an exact posterior is log p(x) itself. */
export function boundName(config: RunConfig): string {
  if (isExact(config)) return 'log p(x)'
  return !isEm(config) && config.objective === 'iwae' ? `IWAE_${config.samples}` : 'ELBO'
}

/** Whether the run's model reads binary images rather than grey ones; if so, how they are made is `config.binarize`. */
export const binarizes = <C extends RunConfig>(config: C): config is C & { binarize: 'dynamic' | 'static' } =>
  isEm(config) ? config.model === 'bernoulli-mixture' || config.model === 'vae' : config.binarize !== 'none'

/** The settings that decided what a snapshot holds: all but the resumable ones. */
export const fixedSettings = (config: RunConfig): Record<string, unknown> =>
  isEm(config) ? emTable.fixed(config) : vaeSettings.fixed(config)

/** A model and its algorithm with all their variables, not yet initialized. */
export function createSession(config: RunConfig, size: ImageSize): Session {
  return isEm(config) ? createEmSession(config, size) : createVaeSession(config, size)
}

export function createVaeSession(config: Config, { rows, columns }: Omit<ImageSize, 'images'>): Session & { vae: Vae } {
  const vae = createVae({ ...config, rows, columns })
  const { objective } = config
  const options = { ...config, clipNorm: config.clipNorm ?? undefined }
  const algorithm =
    objective === 'wake-sleep'
      ? wakeSleep(vae, options)
      : gradientAscent(vae, { ...options, objective }, streamKey(config.seed, 'baseline'))
  return {
    method: objective === 'elbo' ? 'vae' : objective,
    vae,
    algorithm,
    pictures: vaePictures(vae),
    initialize(data) {
      const bias = config.outputBias === 'mean-image' ? meanImage(data.train) : undefined
      initialize(vae, streamKey(config.seed, 'weights'), bias)
    },
    dispose() {
      algorithm.dispose()
      vae.dispose()
    },
  }
}

/** The settings that a run was started with. */
export function readRunConfig(folder: string): RunConfig {
  const path = join(folder, 'config.json')
  if (!existsSync(path)) throw new Error(`${folder}: there is no run here (no config.json)`)
  const json = readWhole(path).toString()
  const table: { parse: typeof emTable.parse; complete: typeof emTable.complete } = emTable
  return namesModel(json)
    ? table.complete(emTable.parse(json, path), path)
    : vaeSettings.complete(vaeSettings.parse(json, path), path)
}

function namesModel(json: string): boolean {
  try {
    return Object.hasOwn(Object(JSON.parse(json)), 'model')
  } catch {
    return false // the parser of settings says what is wrong
  }
}

/** Writes config.json, every setting resolved. */
export function writeRunConfig(folder: string, config: RunConfig): void {
  writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
}

/** A trained model as pictures and evaluation want it. */
export interface TrainedRun {
  config: RunConfig
  snapshot: Snapshot
  session: Session
}

/** Brings back a run's model from its `latest` or `best` snapshot. */
export function loadTrainedRun(folder: string, name: SnapshotName): TrainedRun {
  const config = readRunConfig(folder)
  const { snapshot, path } = readRunSnapshot(folder, name)
  const session = createSession(config, snapshot.data)
  restoreSession(session, config, snapshot, path)
  return { config, snapshot, session }
}

/** A trained VAE: its networks beside its run. */
export interface TrainedVae {
  config: Config
  snapshot: Snapshot
  vae: Vae
  dispose(): void
}

/** The VAE of a run; undefined if the run has another model. */
export function asVae({ config, snapshot, session }: TrainedRun): TrainedVae | undefined {
  if (isEm(config) || session.vae === undefined) return undefined
  return { config, snapshot, vae: session.vae, dispose: session.dispose }
}

/** Brings back a VAE's networks from its `latest` or `best` snapshot; throws a `UsageError` if the run has another model. */
export function loadTrainedVae(folder: string, name: SnapshotName): TrainedVae {
  const run = loadTrainedRun(folder, name)
  const vae = asVae(run)
  if (vae) return vae
  throw new UsageError(`${folder}: holds a ${run.session.method}; this needs a VAE, as \`elbo train\` makes it`)
}

/** Gives a session the state of a snapshot that was made with the same settings; `path` is for error messages. */
export function restoreSession(
  { algorithm, method, restored }: Session,
  config: RunConfig,
  snapshot: Snapshot,
  path: string,
): void {
  const file = join(path, 'state.safetensors')
  if (snapshot.algorithm !== method) {
    throw new Error(
      `${file}: metadata algorithm: was trained by ${snapshot.algorithm}, but config.json asks for ${method}`,
    )
  }
  for (const [name, value] of Object.entries(fixedSettings(config))) {
    const [now, then] = [JSON.stringify(value), JSON.stringify(snapshot.settings[name] ?? null)] // older runs lack newer settings
    if (now !== then) throw new Error(`${file}: was trained with ${name} = ${then}, but config.json says ${now}`)
  }
  assignVariables(algorithm.variables, snapshot.tensors, file)
  restored?.()
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
