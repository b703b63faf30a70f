/** The results of `elbo bench --workers`: speed, efficiency, bytes and waiting of each number of workers, and what more of them would do. */
import {
  type Break,
  breakOf,
  bytesSent,
  type Compute,
  computeOf,
  FLOAT_BYTES,
  type Link,
  linkOf,
  stepMs,
} from './paper-model.js'
import { median, type Spread, spread } from './spread.js'

/** Milliseconds of each round. */
export interface Times {
  /** A step of the workers. */
  together: number[]
  /** A step of as many processes, each with its part of a batch, that tell each other nothing. */
  apart: number[]
  /** An all-reduce of one number. */
  small: number[]
  /** An all-reduce of the gradients. */
  large: number[]
}

/** One number of workers. Sample counts are those of `times`. */
export interface WorkersRow {
  workers: number
  /** Milliseconds per step of each round. */
  times: number[]
  msPerStep: Spread
  stepsPerSecond: number
  imagesPerSecond: number
  /** Speed over that of one worker, and that over the number of workers. */
  speedup: number
  efficiency: number
  /** Milliseconds per step of processes that do the same arithmetic apart from each other; absent for one worker. */
  apartMs?: Spread
  /** The part of a step in which a worker does not compute: 1 - apart / together. */
  waitingShare?: number
  /** Bytes that each worker sends in a step. */
  bytesPerStep: number
  /** Milliseconds of an all-reduce of one number, and bytes per second of one of the gradients. */
  allReduceMs?: Spread
  bandwidth?: number
  /** Milliseconds of a step by the model on paper, from the times of one worker, of processes apart, and of all-reduces. */
  paperMs: number
}

/** What is expected over one kind of connection. */
export interface Outlook {
  link: string
  /** Of a message, as measured here. */
  messageMs: number
  bytesPerSecond: number
  breaks: Break[]
}

export interface WorkersResult {
  model: string
  layers: string
  batchSize: number
  /** Importance samples of each image; 1: the ELBO. */
  samples: number
  /** Of each process. */
  threads: number
  weights: number
  /** Bytes of the gradients. */
  gradientBytes: number
  rounds: number
  rows: WorkersRow[]
  /** Milliseconds of a step of one worker by batch size. Absent without several workers, as is the rest. */
  compute?: Compute
  outlook: Outlook[]
}

type Model = Pick<WorkersResult, 'model' | 'layers' | 'batchSize' | 'samples' | 'threads' | 'weights'>

interface Timed {
  kind: keyof Times
  workers: number
  times: number[]
}

export function workersResult(model: Model, timed: readonly Timed[]): WorkersResult {
  const { batchSize, weights } = model
  const gradientBytes = FLOAT_BYTES * weights
  const of = (kind: keyof Times, workers: number) =>
    timed.find(one => one.kind === kind && one.workers === workers)?.times ?? []
  const counts = timed.filter(({ kind }) => kind === 'together').map(({ workers }) => workers)
  const most = Math.max(...counts)
  const alone = median(of('together', 1))
  const compute = most > 1 ? computeFrom(batchSize, alone, most, of('apart', most)) : undefined
  const link = (workers: number) =>
    linkOf(workers, {
      smallMs: median(of('small', workers)),
      largeMs: median(of('large', workers)),
      bytes: gradientBytes,
    })
  const row = (workers: number): WorkersRow => {
    const times = of('together', workers)
    const ms = median(times)
    return {
      workers,
      times,
      msPerStep: spread(times),
      stepsPerSecond: 1000 / ms,
      imagesPerSecond: (1000 * batchSize) / ms,
      speedup: alone / ms,
      efficiency: alone / ms / workers,
      bytesPerStep: bytesSent(workers, gradientBytes),
      ...(workers > 1 && {
        apartMs: spread(of('apart', workers)),
        waitingShare: 1 - median(of('apart', workers)) / ms,
        allReduceMs: spread(of('small', workers)),
        bandwidth: 1000 * link(workers).bandwidth,
      }),
      paperMs: compute && workers > 1 ? stepMs(workers, batchSize, gradientBytes, compute, link(workers)) : alone,
    }
  }
  return {
    ...model,
    gradientBytes,
    rounds: of('together', 1).length,
    rows: counts.map(row),
    ...(compute && { compute }),
    outlook: compute ? outlookOf(batchSize, gradientBytes, compute, link(most)) : [],
  }
}

const computeFrom = (batch: number, ms: number, most: number, apart: readonly number[]): Compute =>
  computeOf({ batch, ms }, { batch: batch / most, ms: median(apart) })

/** Bytes per millisecond of a network of so many Gbit/s. */
const network = (gigabits: number): number => (gigabits * 1e9) / 8 / 1000

/** Numbers of workers that are only computed. */
const COMPUTED = [2, 4, 10, 100, 1000]

function outlookOf(batch: number, bytes: number, compute: Compute, here: Link): Outlook[] {
  const links = {
    'this machine': here.bandwidth,
    '1 Gbit/s': network(1),
    '10 Gbit/s': network(10),
    '100 Gbit/s': network(100),
  }
  return Object.entries(links).map(([link, bandwidth]) => ({
    link,
    messageMs: here.messageMs,
    bytesPerSecond: 1000 * bandwidth,
    breaks: COMPUTED.filter(workers => workers <= batch).map(workers =>
      breakOf(workers, batch, bytes, compute, { ...here, bandwidth }),
    ),
  }))
}
