/**
 * metrics.jsonl: one line of metrics for each pass. A snapshot says how many passes the run has finished, and has the digest of their
 * lines; whatever is computed from the lines takes those and no others. Wall-clock times are in no digest: they differ from run to run.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { appendFlushed, writeFileAtomic } from '../files/files.js'
import { readWhole } from '../files/reading.js'
import type { EpochMetrics } from '../methods/metrics.js'
import { parseJson } from '../settings/json.js'
import type { Position } from './snapshot.js'

/** JSON has no NaN: what is unknown is written as null. */
const orUnknown = (schema: z.ZodNumber) => schema.nullable().transform(value => value ?? Number.NaN)

const nats = z.number()
const error = orUnknown(z.number().min(0))
const count = z.int().min(1)

const fields = {
  epoch: count,
  step: count,
  seconds: z.number().min(0),
  trainElbo: nats.exactOptional(),
  trainElboError: error.exactOptional(),
  trainReconstruction: nats.exactOptional(),
  trainKl: nats.exactOptional(),
  trainIwae: nats.exactOptional(),
  validationElbo: nats.exactOptional(),
  validationElboError: error.exactOptional(),
  validationIwae: nats.exactOptional(),
  validationIwaeError: error.exactOptional(),
  reconstruction: nats.exactOptional(),
  kl: nats.exactOptional(),
  validationImages: count.exactOptional(),
  learningRate: z.number().min(0).exactOptional(),
  beta: z.number().min(0).exactOptional(),
  elboAfterE: nats.exactOptional(),
  elboAfterM: nats.exactOptional(),
  logPrior: nats.exactOptional(),
  objective: nats.exactOptional(),
  acceptance: z.number().min(0).max(1.001).exactOptional(), // a mean of float32 numbers
  imagesPerSecond: orUnknown(z.number().min(0)),
  backend: z.string().min(1).max(100),
  compile: z.enum(['xla', 'graph', 'off']),
} satisfies Record<keyof EpochMetrics, z.ZodType>

/** Methods report further numbers under names of their own. */
const lineSchema = z.object(fields).catchall(orUnknown(z.number()))

/** The digest of no lines: that of a run that has finished no pass. */
const NO_LINES = sha256('')

/** The position of a run before its first step. */
export const startOfRun = (): Position => ({
  epoch: 0,
  step: 0,
  stepInEpoch: 0,
  sums: {},
  best: null,
  compile: null,
  metricsSha256: NO_LINES,
})

/** The digest of all lines up to this one, given that of the lines before it. */
export function digestWith(before: string, metrics: object): string {
  const { seconds, imagesPerSecond, ...reproducible } = metrics as Partial<EpochMetrics>
  return sha256(`${before}\n${JSON.stringify(reproducible)}`)
}

/** Writes one line; a failed write leaves the file as it was. */
export function appendMetrics(folder: string, metrics: EpochMetrics): void {
  appendFlushed(metricsFile(folder), `${JSON.stringify(metrics)}\n`)
}

/** The text of every whole line; a last line cut short by a killed process is left out. */
export function metricsLines(folder: string): string[] {
  const path = metricsFile(folder)
  return existsSync(path) ? readWhole(path).toString().split('\n').slice(0, -1) : []
}

/** How many lines follow those of the passes that the snapshot at `position` has finished; one that was cut short counts. */
export function unfinishedLines(folder: string, { epoch }: Position): number {
  const path = metricsFile(folder)
  if (!existsSync(path)) return 0
  const lines = readWhole(path).toString().split('\n')
  return Math.max(0, lines.length - 1 - epoch) + (lines.at(-1) === '' ? 0 : 1)
}

/**
 * The metrics of the passes that the snapshot at `position` has finished, which is called `name`. Throws an Error that names file and
 * line if one is missing or damaged, or if the snapshot knows other numbers.
 */
export function readHistory(folder: string, position: Position, name = 'latest'): EpochMetrics[] {
  const path = metricsFile(folder)
  const lines = finishedLines(folder, position, name)
  const history = lines.map((line, i) => parseLine(line, i + 1, path))
  verifyDigest(lines, position, path, name)
  verifyPosition(history, position, path, name)
  return history
}

/**
 * Throws the Error that `readHistory` would throw. Lines with the digest in the snapshot are as they were written, so that their values are not
 * checked one by one, which takes longer.
 */
export function verifyHistory(folder: string, position: Position): void {
  const lines = finishedLines(folder, position, 'latest')
  if (!haveDigest(lines, position)) return void readHistory(folder, position)
  const history = lines.map(line => JSON.parse(line) as EpochMetrics)
  verifyPosition(history, position, metricsFile(folder), 'latest')
}

/** One whole line, number `number` from 1. Throws an Error that names file and line if it is damaged. */
export const parseMetrics = (folder: string, line: string, number: number): EpochMetrics =>
  parseLine(line, number, metricsFile(folder))

/** Drops the lines of passes that the latest snapshot, at `position`, does not have: these passes will be made again. */
export function dropUnfinished(folder: string, position: Position): void {
  readHistory(folder, position)
  const kept = finishedLines(folder, position, 'latest')
  if (existsSync(metricsFile(folder))) writeFileAtomic(metricsFile(folder), kept.map(line => `${line}\n`).join(''))
}

/** The bound by which the best pass is chosen; null where nothing is validated. */
export const validationBoundOf = ({ validationIwae, validationElbo }: EpochMetrics): number | null =>
  validationIwae ?? validationElbo ?? null

/** metrics.jsonl of the run in `folder`. */
export const metricsFile = (folder: string): string => join(folder, 'metrics.jsonl')

function finishedLines(folder: string, { epoch }: Position, name: string): string[] {
  const lines = metricsLines(folder)
  if (lines.length >= epoch) return lines.slice(0, epoch)
  const found = lines.length === 0 ? 'none' : lines.length === 1 ? '1' : `1 to ${lines.length}`
  throw new Error(
    `${metricsFile(folder)}: has epochs ${found}, but the ${name} snapshot has finished 1 to ${epoch}; restore the file`,
  )
}

function parseLine(line: string, number: number, path: string): EpochMetrics {
  const fail = (reason: string): never => {
    throw new Error(`${path}: line ${number} ${reason}; restore the file`)
  }
  let given: unknown
  try {
    given = parseJson(line)
  } catch (error) {
    return fail(`is not a JSON object: ${(error as Error).message}`)
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return fail('is not a JSON object')
  const parsed = lineSchema.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return fail(`has a wrong value: ${issue?.path.join('.')}: ${issue?.message}`)
  }
  if (parsed.data.epoch !== number) fail(`is of epoch ${parsed.data.epoch}; epoch ${number} was expected`)
  return parsed.data
}

/** Snapshots of older versions have no digest. */
function verifyDigest(lines: readonly string[], position: Position, path: string, name: string): void {
  if (position.metricsSha256 === undefined || haveDigest(lines, position)) return
  throw new Error(
    `${path}: lines 1 to ${lines.length} do not have the digest in the ${name} snapshot: changed or damaged after they were written; restore the file`,
  )
}

/** Whether the lines have the digest in the snapshot at `position`; false if one is not JSON. */
function haveDigest(lines: readonly string[], { metricsSha256 }: Position): boolean {
  try {
    return lines.reduce((before, line) => digestWith(before, parseJson(line) as object), NO_LINES) === metricsSha256
  } catch {
    return false
  }
}

function verifyPosition(history: readonly EpochMetrics[], position: Position, path: string, name: string): void {
  const fail = (number: number, what: string, here: unknown, there: unknown): never => {
    throw new Error(
      `${path}: line ${number} has ${what} ${here}, but the ${name} snapshot says ${there}; restore the file`,
    )
  }
  const last = history.at(-1)
  const step = position.step - position.stepInEpoch
  if (last && last.step !== step) fail(history.length, 'step', last.step, step)
  const { best } = position
  const line = best && history[best.epoch - 1]
  if (!best || best.epoch === 0) return
  if (!line) throw new Error(`${path}: has no line of epoch ${best.epoch}, which the ${name} snapshot calls the best`)
  const bound = validationBoundOf(line)
  if (bound !== best.validationBound) fail(best.epoch, 'validation bound', bound, best.validationBound)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
