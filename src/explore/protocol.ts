/** What the server and the page of `elbo explore` say to each other: documents below `api/`. Bounds are in nats per image. */
import type { Reading } from '../data/binarize.js'
import type { ImageShape } from '../data/images.js'
import type { EpochMetrics } from '../methods/metrics.js'
import type { VaeOptions } from '../models/vae.js'

/** about.json. */
export interface About {
  version: string
  /** `live`: a server that watches the runs; `exported`: files of `--export`. */
  mode: 'live' | 'exported'
  /** The folder of the runs, as it was given; empty in an export. */
  checkpoints: string
  /** The runs that the command named; they are shown first. Empty: all. */
  named: readonly string[]
  /** Images of the test split that were exported; absent if all are there. */
  exportedImages?: number
}

/** A run in runs.json, which lists all; also sent as event `run`. */
export interface Run {
  name: string
  /** The method, as in config.json, and the command that starts its runs. */
  method: string
  command: string
  /** The model and its sizes, and the prior, in words. */
  model: string
  prior: string
  bound: { name: string; exact: boolean }
  /** The name of its images, without folders. */
  data: string
  reads: Reading
  epochs: number
  epoch: number
  step: number
  /** Null before the first epoch. `bound` is null if nothing is validated. */
  best: { epoch: number; bound: number | null } | null
  /** Whether a process trains it now. */
  isTraining: boolean
  /** Wall time of training so far, in seconds; absent before the first epoch. */
  seconds?: number
  /** Estimated from the time of the last epochs; absent if it does not train. */
  secondsLeft?: number
}

/** A run that cannot be read, and why. */
export interface BrokenRun {
  name: string
  error: string
}

export type RunSummary = Run | BrokenRun

/** runs/NAME/metrics.json: the lines of metrics.jsonl; NaN is null. Event `metrics` has the lines from number `from` on. */
export interface MetricsOf {
  name: string
  from: number
  lines: readonly EpochMetrics[]
  /** Why no further lines can be read. */
  error?: string
}

/** runs/NAME/model.json of a run with an encoder and a decoder. */
export interface ModelOf {
  name: string
  /** `best` or `latest`. */
  snapshot: 'best' | 'latest'
  /** The folder of the snapshot: networks are at runs/NAME/networks/LABEL/NETWORK/model.json. */
  label: string
  epoch: number
  step: number
  /** What `createVae` takes. */
  options: VaeOptions & ImageShape
  /** The names of the classes of a conditional model. */
  classes?: readonly string[]
  networks: readonly string[]
  reads: Reading
  /** The seed of the run: it determines the binary sample of its images. */
  seed: number
  objective: string
}

/** runs/NAME/images/SPLIT.json. The images are at runs/NAME/images/SPLIT/grey/B.bin and SPLIT/read/B.bin, in blocks of `block`. */
export interface ImagesOf extends ImageShape {
  split: string
  count: number
  /** Images of a block; block B holds images B × block and on. */
  block: number
  /** What the images are of. */
  source: string
  /** The class of each image, and the names of the classes. */
  labels?: { values: readonly number[]; names: readonly string[] }
  /** The number of the class of each image, where the run's model reads it. */
  classes?: readonly number[]
  /** The file of each image, where images are files. */
  names?: readonly string[]
}

/** runs/NAME/tensors/SNAPSHOT.json: the state of a run. The values are at runs/NAME/tensors/SNAPSHOT/INDEX.bin, float32 in the order of bytes of x86. */
export interface TensorsOf {
  name: string
  epoch: number
  step: number
  tensors: readonly { name: string; shape: readonly number[] }[]
}

/** runs/NAME/pictures.json: the epochs with pictures, at runs/NAME/pictures/samples-epoch-NNNN.png. */
export interface PicturesOf {
  samples: readonly { epoch: number; file: string }[]
  reconstructions: readonly { epoch: number; file: string }[]
}
