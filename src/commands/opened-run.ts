/** What every command on a trained run does first: choose a backend, say so, read the run. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Backend } from '../backends/backend.js'
import { backendNames, openBackend } from '../backends/candidates.js'
import type { Choice } from '../compile/step.js'
import { type Dataset, loadDataset, loadRunDataset, type Split } from '../data/dataset.js'
import type { Images } from '../data/images.js'
import { writeFileAtomic } from '../files/files.js'
import { makeFolder } from '../files/folders.js'
import { imagesAsRead } from '../methods/reading.js'
import type { Vae } from '../models/vae.js'
import { type ImageGridLayout, imageGrid } from '../plots/image-grid.js'
import { streamKey } from '../random.js'
import { listRuns, runFolder } from '../runs/directory.js'
import { refuseOwnFile } from '../runs/own-files.js'
import { loadTrainedRun, loadTrainedVae, type TrainedRun, type TrainedVae } from '../runs/trained-run.js'
import { choice, text, threads, UsageError } from '../settings/setting.js'
import type { Context } from './command.js'

/** Options that every command on a run has. */
export const runOptions = {
  snapshot: choice(
    ['best', 'latest'],
    'best',
    'which of the two snapshots: highest validation bound (where nothing was held out, the last pass), or last',
  ),
  backend: choice(backendNames, 'auto', 'what computes; auto takes the fastest that runs here'),
  threads: threads(),
}

/** Options of the commands that draw. */
export const pictureOptions = { ...runOptions, out: text('PNG file to write (default: in the run, below images/)') }

/** Opens a backend and says which one it is and why not a faster one. */
export async function openAndSay(name: string, threads: number | null, { debug, note }: Context): Promise<Backend> {
  const { backend, refusals } = await openBackend(name, { debug, ...(threads !== null && { threads }) })
  for (const { backend: refused, reason, fix } of refusals.filter(({ isExpected }) => !isExpected))
    note(`backend ${refused} does not run: ${reason}. Fix: ${fix}`)
  note(`backend ${backend.name}: ${backend.version}, ${backend.device}`)
  return backend
}

/** Settings that name the number of threads which they stand for here, so that a run that is resumed elsewhere keeps it. */
export const withThreads = <C extends { threads: number | null }>(config: C): C => ({
  ...config,
  threads: config.threads ?? availableParallelism(),
})

/** How steps run, in a line. */
export function describeChoice({ mode, reason }: Choice): string {
  const how = { xla: 'compiled by XLA', graph: 'compiled as a graph', off: 'not compiled' }[mode]
  return `steps are ${how}: ${reason}`
}

/** The folder of the run called `name`; if there is none, the error lists those that there are. */
export function existingRun(name: string, checkpoints: string): string {
  const folder = runFolder(checkpoints, name)
  const names = listRuns(checkpoints)
  if (names.includes(name)) return folder
  const known = names.length > 0 ? `runs there: ${names.join(', ')}` : 'no runs are there yet; `elbo train` makes one'
  throw new UsageError(`there is no run '${name}' in ${checkpoints} (${known})`)
}

export interface OpenedRun<T extends TrainedRun = TrainedRun> {
  folder: string
  trained: T
}

interface Which {
  snapshot: 'best' | 'latest'
  backend: string
  threads: number | null
  /** A file that the command is to write. */
  out?: string | null
}

/** Brings back the run called `name`, whatever its model, on the backend that `values` ask for. */
export const openRun = (name: string, values: Which, context: Context): Promise<OpenedRun> =>
  open(name, values, context, loadTrainedRun)

/** The same for commands that need a VAE; throws a `UsageError` if the run has another model. */
export const openVae = (name: string, values: Which, context: Context): Promise<OpenedRun<TrainedVae>> =>
  open(name, values, context, loadTrainedVae)

async function open<T extends TrainedRun>(
  name: string,
  values: Which,
  context: Context,
  load: (folder: string, snapshot: Which['snapshot']) => T,
): Promise<OpenedRun<T>> {
  const folder = existingRun(name, context.checkpoints)
  refuseOwnFile('--out', values.out)
  await openAndSay(values.backend, values.threads, context)
  const trained = load(folder, values.snapshot)
  const { epoch, best } = trained.snapshot.position
  const { bound } = trained.method.traits(trained.config)
  const reached =
    best?.validationBound == null
      ? ''
      : `, best validation ${bound.name} ${best.validationBound.toFixed(2)} nats/image after epoch ${best.epoch}`
  context.note(
    `run ${name}, snapshot ${values.snapshot}: ${epoch} ${epoch === 1 ? 'epoch' : 'epochs'} trained${reached}`,
  )
  return { folder, trained }
}

/** Why something that needs a Gaussian z cannot be had of this model; undefined if it can. */
export const refuseDiscrete = ({ latents }: Vae, what: string): string | undefined =>
  latents.reparameterized ? undefined : `${what}: needs a Gaussian z; this run has --latents bernoulli`

/** The same of what needs one layer of Gaussian z. */
export function refuseLayers(vae: Vae, what: string): string | undefined {
  const [, upperLatentDim] = vae.layers
  return upperLatentDim === undefined
    ? refuseDiscrete(vae, what)
    : `${what}: needs one latent layer; this run has --upper-latent-dim ${upperLatentDim}`
}

/** Throws a refusal as a `UsageError`. */
export function orThrow(refusal: string | undefined): void {
  if (refusal !== undefined) throw new UsageError(refusal)
}

/** The images of a run, or those of `source`, which must be of the run's size. */
export function runImages({ config, snapshot }: TrainedRun, source: string | null): Dataset {
  const data = source === null ? loadRunDataset(config) : loadDataset(source)
  const { rows, columns, sha256 } = snapshot.data
  if (data.rows !== rows || data.columns !== columns) {
    throw new Error(
      `--data ${data.source}: images of ${data.rows}x${data.columns} pixels, but the run was trained on ${rows}x${columns}`,
    )
  }
  if (source === null && data.sha256 !== sha256) {
    throw new Error(`${config.data}: the images changed since the run was trained; name the images to use with --data`)
  }
  return data
}

/** The images of a split; throws a `UsageError` if the run kept none for it. */
export function splitOf(data: Dataset, name: Split['name']): Split {
  if (data[name].count > 0) return data[name]
  throw new UsageError(`--split ${name}: this run held no images out (validation none); use test or train`)
}

/** A split as this run is always evaluated on it: one fixed binary sample, or the grey images if its model reads those. */
export const evaluatedSplit = ({ method, config }: TrainedRun, split: Split): Split =>
  imagesAsRead(split, method.traits(config).reads, streamKey(config.seed, split.name))

/** Writes a grid of images to `out` or to `images/NAME.png` in the run; returns the path. */
export function writeGrid(
  { folder }: OpenedRun,
  images: Images,
  name: string,
  out: string | null,
  layout: ImageGridLayout,
): string {
  const path = out ?? join(pictureFolder(folder, 'images'), `${name}.png`)
  writeFileAtomic(path, imageGrid(images, layout))
  return path
}

/** A folder of the run's for pictures; made if it is not there. */
export function pictureFolder(folder: string, name: 'images' | 'plots'): string {
  const path = join(folder, name)
  makeFolder(path)
  return path
}
