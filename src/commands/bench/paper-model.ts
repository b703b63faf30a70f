/**
 * What a step of several workers takes, on paper: t(W) = compute(B / W) + latency(W) + 2 (W - 1) / W · bytes / bandwidth. Each worker computes with its
 * part of the batch, and sends and receives the gradients nearly twice, around a ring (Patarasu & Yuan 2009). A step has one all-reduce, of the
 * gradients and the few numbers that it reports. Latency is that of 2 (W - 1) messages, one after another.
 */

/** A connection between workers. */
export interface Link {
  /** Milliseconds of one message of an all-reduce. */
  messageMs: number
  /** Bytes per millisecond that a worker sends while it receives as many. */
  bandwidth: number
}

/** Bytes that each of `workers` workers sends in an all-reduce of `bytes` bytes. */
export const bytesSent = (workers: number, bytes: number): number => (2 * (workers - 1) * bytes) / workers

/** A link from the measured milliseconds of two all-reduces of `workers` workers: of one number, and of `bytes` bytes. */
export const linkOf = (
  workers: number,
  { smallMs, largeMs, bytes }: { smallMs: number; largeMs: number; bytes: number },
): Link => ({
  messageMs: smallMs / (2 * (workers - 1)),
  bandwidth: bytesSent(workers, bytes) / Math.max(largeMs - smallMs, 1e-6),
})

/** Milliseconds of a step that `workers` workers need for its all-reduce. */
export const communicationMs = (workers: number, bytes: number, { messageMs, bandwidth }: Link): number =>
  2 * (workers - 1) * messageMs + bytesSent(workers, bytes) / bandwidth

/** Milliseconds of a step by batch size: `fixed` + `perImage` · B. */
export interface Compute {
  fixed: number
  perImage: number
}

/** The line through the times at two batch sizes; never falling, and never below 0. */
export function computeOf(large: { batch: number; ms: number }, small: { batch: number; ms: number }): Compute {
  const slope = large.batch > small.batch ? (large.ms - small.ms) / (large.batch - small.batch) : large.ms / large.batch
  const perImage = Math.min(Math.max(slope, 0), large.ms / large.batch)
  return { fixed: large.ms - perImage * large.batch, perImage }
}

/** Milliseconds of a step of `workers` workers on a batch of `batch` images. */
export const stepMs = (
  workers: number,
  batch: number,
  bytes: number,
  { fixed, perImage }: Compute,
  link: Link,
): number => fixed + (perImage * batch) / workers + (workers > 1 ? communicationMs(workers, bytes, link) : 0)

/** From which models on `workers` workers are faster than one. */
export interface Break {
  workers: number
  /** Their step of this model in milliseconds, and the time of one worker over theirs. */
  ms: number
  speedup: number
  /** How many times the arithmetic of this model must be for them to be as fast as one: as the number of draws of z for each image, if below it. */
  times: number
  /** With the time of this model, at most so many weights. 0: they are never faster. */
  mostWeights: number
}

/** Of a float32. */
export const FLOAT_BYTES = 4

export function breakOf(workers: number, batch: number, bytes: number, compute: Compute, link: Link): Break {
  const ms = stepMs(workers, batch, bytes, compute, link)
  const saved = compute.perImage * batch * (1 - 1 / workers)
  const left = saved - communicationMs(workers, 0, link)
  return {
    workers,
    ms,
    speedup: stepMs(1, batch, bytes, compute, link) / ms,
    times: communicationMs(workers, bytes, link) / saved,
    mostWeights: Math.max(0, Math.floor((left * link.bandwidth) / bytesSent(workers, FLOAT_BYTES))),
  }
}
