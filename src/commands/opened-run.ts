/** Shared by the commands on a trained run: open the backend, load the run and its images, write pictures. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Backend } from '../backends/backend.js'
import { backendNames, openBackend } from '../backends/candidates.js'
import { type Choice, modes } from '../compile/step.js'
import { listed, withClassesOf } from '../data/classes.js'
import { type Dataset, loadForUse, loadRunDataset, readOptionsOf, type Split } from '../data/dataset.js'
import { describeSize, type ImageShape, type Images, imageShape } from '../data/images.js'
import { writeFileAtomic } from '../files/files.js'
import { makeFolder } from '../files/folders.js'
import type { Cluster } from '../libtensorflow/cluster.js'
import type { RunConfig } from '../methods/method.js'
import { imagesAsRead } from '../methods/reading.js'
import type { Vae } from '../models/vae.js'
import { type ImageGridLayout, imageGrid } from '../plots/image-grid.js'
import { streamKey } from '../random.js'
import { listRuns, runFolder } from '../runs/directory.js'
import { refuseOwnFile } from '../runs/own-files.js'
import { requireSize, requireTrainedOn } from '../runs/own-images.js'
import { loadTrainedRun, loadTrainedVae, type TrainedRun, type TrainedVae } from '../runs/trained-run.js'
import { nearest } from '../settings/nearest.js'
import { choice, grouped, inGroup, text, threads, UsageError } from '../settings/setting.js'
import { ensureLibrary } from '../setup/ensure.js'
import { fetchWheel } from '../setup/library.js'
import { neighbours } from './cluster.js'
import type { Context } from './command.js'

/** Most names of runs that a message lists. */
const MOST_NAMES = 10

/** Options of all commands on a run. */
export const runOptions = {
  ...inGroup('run', {
    snapshot: choice(['best', 'latest'], 'best', [
      'snapshot to load',
      'Snapshot to load. best: that with the highest validation bound; without validation, that of the last pass.',
    ]),
  }),
  ...inGroup('machine', {
    backend: choice(backendNames, 'auto', [
      'compute backend',
      'Compute backend; auto: the fastest that runs here. `elbo backends` lists them.',
    ]),
    threads: threads(),
  }),
}

/** How the steps of a measurement run. */
export const compileOption = grouped('machine', choice(modes, 'auto', ['how steps run', 'How steps run, as in train.']))

/** Images of the user instead of those of the run. */
export const dataOption = grouped('data', text('images to use instead of those of the run'))

/** Options of the commands that draw pictures. */
export const pictureOptions = {
  ...runOptions,
  out: grouped('output', text('PNG file to write', { unset: 'in images/ of the run' })),
}

/** Opens a backend, fetching native TensorFlow if it is missing, and notes which one it is and why faster ones do not run. */
export async function openAndSay(
  name: string,
  threads: number | null,
  context: Context,
  cluster?: Cluster,
): Promise<Backend> {
  const { debug, note, signal } = context
  const install = () => ensureLibrary(fetchWheel, signal)
  const { backend, refusals } = await openBackend(name, {
    debug,
    install,
    cluster,
    ...(threads !== null && { threads }),
  })
  for (const { backend: refused, reason, fix } of refusals.filter(({ isExpected }) => !isExpected))
    note(`backend ${refused} does not run: ${reason}. Fix: ${fix}`)
  note(`backend ${backend.name}: ${backend.version}, ${backend.device}`)
  return backend
}

/** The settings with the number of threads of this machine, divided among its processes, filled in, so that a run resumed elsewhere keeps it. */
export const withThreads = <C extends { threads: number | null }>(config: C, processes = 1): C => ({
  ...config,
  threads: config.threads ?? Math.max(1, Math.floor(availableParallelism() / processes)),
})

/** How steps run, in one line. */
export function describeChoice({ mode, reason }: Choice): string {
  const description = { xla: 'compiled by XLA', graph: 'compiled as a graph', off: 'not compiled' }[mode]
  return `steps are ${description}: ${reason}`
}

/** The folder of the run `name`. Throws a `UsageError` that lists the existing runs if it does not exist. */
export function existingRun(name: string, checkpoints: string): string {
  const folder = runFolder(checkpoints, name)
  const names = listRuns(checkpoints)
  if (names.includes(name)) return folder
  const suggestion = names.length > MOST_NAMES ? `; did you mean ${nearest(name, names)}?` : ''
  const known =
    names.length > 0 ? `${describeRuns(names)}${suggestion}` : 'it has no runs yet; `elbo train` creates one'
  throw new UsageError(`there is no run '${name}' in ${checkpoints} (${known})`)
}

/** The names of runs for a message; `elbo runs` lists them all. */
export const describeRuns = (names: readonly string[]): string =>
  names.length <= MOST_NAMES ? `runs: ${names.join(', ')}` : `${names.length} runs, see \`elbo runs\``

export interface OpenedRun<T extends TrainedRun = TrainedRun> {
  folder: string
  trained: T
}

interface RunOptions {
  snapshot: 'best' | 'latest'
  backend: string
  threads: number | null
  /** A file that the command is to write. */
  out?: string | null
}

/** Loads the run `name` of any method, on the backend in `values`. */
export const openRun = (name: string, values: RunOptions, context: Context, cluster?: Cluster): Promise<OpenedRun> =>
  open(name, values, context, loadTrainedRun, cluster)

/** The same for commands that need a VAE. Throws a `UsageError` if the run has another model. */
export const openVae = (name: string, values: RunOptions, context: Context): Promise<OpenedRun<TrainedVae>> =>
  open(name, values, context, loadTrainedVae)

async function open<T extends TrainedRun>(
  name: string,
  values: RunOptions,
  context: Context,
  load: (folder: string, snapshot: RunOptions['snapshot']) => T,
  cluster?: Cluster,
): Promise<OpenedRun<T>> {
  const folder = existingRun(name, context.checkpoints)
  refuseOwnFile('--out', values.out)
  const { threads } = cluster ? withThreads(values, neighbours(cluster)) : values
  await openAndSay(values.backend, threads, context, cluster)
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

/** Refuses `what`, which needs a Gaussian z, for a model with another z; undefined otherwise. */
export const refuseDiscrete = ({ latents }: Vae, what: string): string | undefined =>
  latents.reparameterized ? undefined : `${what}: needs a Gaussian z; this run has --latents bernoulli`

/** The same for `what` that needs one layer of Gaussian z. */
export function refuseLayers(vae: Vae, what: string): string | undefined {
  const [, upperLatentDim] = vae.layers
  return upperLatentDim === undefined
    ? refuseDiscrete(vae, what)
    : `${what}: needs one latent layer; this run has --upper-latent-dim ${upperLatentDim}`
}

/** What the numbers of an axis of z are, to follow them: nothing for N(0, I), where z and its standard deviations are the same. */
export const inDeviations = ({ latents }: Vae): string =>
  latents.prior.moments ? ' standard deviations of p(z), around its mean' : ''

/** Throws a refusal as a `UsageError`. */
export function orThrow(refusal: string | undefined): void {
  if (refusal !== undefined) throw new UsageError(refusal)
}

/**
 * The images of a run, or those of `source`, the value of `flag`: null if it was not given, undefined if the command has no such option. With `noteSize`,
 * images of other sizes are resized to the run's, and `noteSize` is told so. `signal` ends the reading of the run's images. Throws an Error if their size is not the run's, or if the run's images have
 * changed.
 */
export async function runImages(
  { config, snapshot }: TrainedRun,
  source?: string | null,
  noteSize?: (message: string) => void,
  signal?: AbortSignal,
  flag = '--data',
): Promise<Dataset> {
  const { classes } = snapshot.data
  if (source != null) {
    const given = await givenImages({ source, flag }, config, imageShape(snapshot.data), noteSize)
    return classes ? withClassesOf(given, classes.names) : given
  }
  const data = await loadRunDataset(config, { signal })
  requireTrainedOn(data, snapshot.data, source === null ? ', or choose images with --data' : '')
  return data
}

async function givenImages(
  { source, flag }: { source: string; flag: string },
  config: RunConfig,
  size: ImageShape,
  noteSize: ((message: string) => void) | undefined,
): Promise<Dataset> {
  const read = readOptionsOf(config)
  const channels = size.channels === 1 ? 'grey' : 'colour'
  const options = { ...read, labels: null, channels: read.channels === 'as-is' ? channels : read.channels } as const
  const data = await loadForUse(source, config, options).catch(error => {
    if (noteSize === undefined) throw error
    return undefined // images of several sizes, which can be resized
  })
  if (data && (noteSize === undefined || describeSize(data) === describeSize(size))) {
    requireSize(data, size)
    return data
  }
  const resized = await loadForUse(source, config, { ...options, resize: `${size.rows}x${size.columns}` })
  requireSize(resized, size)
  noteSize?.(`${flag} ${source}: images are resized to the run's ${describeSize(size)}`)
  return resized
}

/** The images of a split. Throws a `UsageError` if the run has none. */
export function splitOf(data: Dataset, name: Split['name']): Split {
  if (data[name].count > 0) return data[name]
  throw new UsageError(`--split ${name}: this run has no validation images (--validation none); use test or train`)
}

/**
 * A split as all evaluations of a run read it: one fixed binary sample, or the levels themselves if its model reads those. Throws a `UsageError`
 * if the run reads labels, and the images have none.
 */
export function evaluatedSplit({ method, config, snapshot }: TrainedRun, split: Split): Split {
  if (snapshot.data.classes && !split.classes)
    throw new UsageError(
      `the ${split.name} images have no labels, and this run reads them (--condition label); its classes are ${listed(snapshot.data.classes.names)}`,
    )
  return imagesAsRead(split, method.traits(config).reads, streamKey(config.seed, split.name))
}

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

/** A folder of the run for pictures; created if it does not exist. */
export function pictureFolder(folder: string, name: 'images' | 'plots'): string {
  const path = join(folder, name)
  makeFolder(path)
  return path
}
