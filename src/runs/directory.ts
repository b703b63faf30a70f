/**
 * A run directory, `checkpoints/NAME/`. `latest` and `best` are links to folders below `snapshots/`; a link is replaced
 * in one step after its folder is whole on disk, so that both are whole at every moment.
 */
import {
  type Dirent,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { appendFlushed, explain, flushDirectory, isLeftover, writeFileAtomic } from '../files/files.js'
import { makeFolder } from '../files/folders.js'
import { readWhole } from '../files/reading.js'
import { UsageError } from '../settings/setting.js'

export type SnapshotName = 'latest' | 'best'

/** The folder of the run called `name` below `checkpoints`; refuses names that could point elsewhere. */
export function runFolder(checkpoints: string, name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    throw new UsageError(
      `run name '${name}': use 1 to 100 letters, digits, '.', '_' and '-', beginning with a letter or digit`,
    )
  }
  return join(checkpoints, name)
}

/** The names of all runs below `checkpoints`, sorted. */
export function listRuns(checkpoints: string): string[] {
  try {
    const found = statSync(checkpoints, { throwIfNoEntry: false })
    if (!found) return []
    if (!found.isDirectory())
      throw new UsageError(`--checkpoints ${checkpoints}: this is a file; a folder was expected`)
    const names = readdirSync(checkpoints)
    for (const name of names) lstatSync(join(checkpoints, name), { throwIfNoEntry: false })
    return names.filter(name => holdsRun(join(checkpoints, name))).sort()
  } catch (error) {
    if (!isForbidden(error)) throw error
    throw new Error(`--checkpoints ${checkpoints}: permission denied: the folder cannot be read`, { cause: error })
  }
}

/** Whether a folder has a run, or may have one that this user cannot read. */
function holdsRun(folder: string): boolean {
  try {
    return statSync(join(folder, 'config.json'), { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    return isForbidden(error)
  }
}

const isForbidden = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EACCES'

/** Makes the run's folders, if they are not there yet. */
export function makeRunFolder(folder: string): void {
  for (const part of ['snapshots', 'plots', 'images', 'tensorboard']) makeFolder(join(folder, part))
}

/** Whether a training has left anything in the run's folder that starting over would lose. */
export function hasHistory(folder: string): boolean {
  const isLinked = (['latest', 'best'] as const).some(name => lstatSync(join(folder, name), { throwIfNoEntry: false }))
  return isLinked || readMetrics(folder).length > 0 || snapshotLabels(folder).some(label => !isStart.test(label))
}

/** Refuses a run whose links are gone or are no links: its copy did not keep them. */
export function requireLinks(folder: string): void {
  for (const name of ['latest', 'best'] as const) {
    const found = lstatSync(join(folder, name), { throwIfNoEntry: false })
    if (found && !found.isSymbolicLink()) {
      throw new Error(
        `${join(folder, name)}: a folder, but a link into snapshots/ was expected; copy runs with their links (cp -a)`,
      )
    }
  }
  if (snapshotFolder(folder, 'latest') === undefined && hasHistory(folder)) {
    throw new Error(
      `${join(folder, 'latest')}: the link is missing or leads nowhere, but the run has been trained ` +
        `(snapshots: ${snapshotLabels(folder).join(', ') || 'none'}); restore it, as a link to snapshots/STEP`,
    )
  }
}

/** A snapshot of step 0. */
const isStart = /^step-0+(?:-\d+)?$/

/** Files that a process which writes to a run replaces, by the folder of the run that they are in. */
const replacedFiles: Readonly<Record<string, RegExp>> = {
  '': /^(?:config\.json|metrics\.jsonl)$/,
  plots: /^(?:elbo|half-steps|gradients)\.(?:svg|png)$/,
  images: /^(?:(?:samples|reconstructions)(?:-epoch-\d+)?|interpolations|manifold|posterior)\.png$/,
}

/** Removes what a killed process left half written, and nothing that has another name. Call it with the run locked. */
export function removeLeftovers(run: string): void {
  const folder = realpathSync(run)
  for (const [part, names] of Object.entries(replacedFiles)) removeTemporaries(join(folder, part), names)
  removeEntries(folder, entry => entry.isSymbolicLink() && /^(?:latest|best)\.tmp$/.test(entry.name))
  removeEntries(join(folder, 'snapshots'), entry => entry.isDirectory() && isUnfinished.test(entry.name))
}

/** Removes temporary files that a killed process left for files of these names. Call it with the folder locked. */
export const removeTemporaries = (folder: string, names: RegExp): void =>
  removeEntries(folder, entry => entry.isFile() && isLeftover(entry.name, names))

/** The name of a snapshot's folder: its step. */
export function stepLabel(step: number): string {
  return `step-${String(step).padStart(8, '0')}`
}

/** The folder that `latest` or `best` stands for now, or undefined before the first snapshot. */
export function snapshotFolder(folder: string, name: SnapshotName): string | undefined {
  const link = join(folder, name)
  return existsSync(link) ? realpathSync(link) : undefined
}

/**
 * Saves a snapshot: `write` fills a new folder, which then becomes `latest`, and `best` too if it is. When anything
 * fails, the snapshots of before stay as they were.
 */
export async function saveSnapshot(
  folder: string,
  label: string,
  isBest: boolean,
  write: (folder: string) => Promise<void>,
): Promise<void> {
  const name = unusedLabel(folder, label)
  const aside = join(folder, 'snapshots', `${name}.tmp`)
  const whole = join(folder, 'snapshots', name)
  try {
    rmSync(aside, { recursive: true, force: true })
    mkdirSync(aside)
    await write(aside)
    renameSync(aside, whole)
    flushDirectory(join(folder, 'snapshots'))
    if (isBest) pointTo(folder, 'best', name)
    pointTo(folder, 'latest', name)
  } catch (error) {
    rmSync(aside, { recursive: true, force: true })
    throw explain(error, whole)
  }
  removeUnused(folder)
}

/** One line of metrics.jsonl; a failed write leaves the file as it was. */
export function appendMetrics(folder: string, metrics: object): void {
  appendFlushed(join(folder, 'metrics.jsonl'), `${JSON.stringify(metrics)}\n`)
}

const metricsSchema = z.looseObject({ epoch: z.int().min(1), step: z.int().min(1), seconds: z.number() })

/** A line of metrics.jsonl: at least these fields. */
type MetricsLine = z.infer<typeof metricsSchema>

/** The lines of metrics.jsonl, checked; a last line cut short by a killed process is left out. */
export function readMetrics<Line extends object = MetricsLine>(folder: string): Line[] {
  const path = join(folder, 'metrics.jsonl')
  if (!existsSync(path)) return []
  const lines = readWhole(path).toString().split('\n').slice(0, -1)
  return lines.map((line, i) => {
    try {
      return metricsSchema.parse(JSON.parse(line)) as object as Line
    } catch {
      throw new Error(`${path}: line ${i + 1} is not a JSON object with epoch, step and seconds`)
    }
  })
}

/** Drops the metrics of passes that no snapshot holds: they will be made again. */
export function keepMetricsUpTo(folder: string, epoch: number): void {
  const kept = readMetrics(folder).filter(line => line.epoch <= epoch)
  if (kept.length !== epoch || kept.some((line, i) => line.epoch !== i + 1)) {
    throw new Error(
      `${join(folder, 'metrics.jsonl')}: has epochs ${kept.map(line => line.epoch).join(', ') || 'none'}, ` +
        `but the latest snapshot has finished 1 to ${epoch}; restore the file`,
    )
  }
  if (existsSync(join(folder, 'metrics.jsonl')))
    writeFileAtomic(join(folder, 'metrics.jsonl'), kept.map(line => `${JSON.stringify(line)}\n`).join(''))
}

/** `label`, or the first of label-2, label-3, … that no folder has: a linked folder is never touched again. */
function unusedLabel(folder: string, label: string): string {
  const taken = new Set(snapshotLabels(folder))
  let candidate = label
  for (let n = 2; taken.has(candidate); n++) candidate = `${label}-${n}`
  return candidate
}

function pointTo(folder: string, name: SnapshotName, label: string): void {
  const aside = join(folder, `${name}.tmp`)
  rmSync(aside, { force: true })
  symlinkSync(join('snapshots', label), aside)
  renameSync(aside, join(folder, name))
  flushDirectory(folder)
}

function removeUnused(folder: string): void {
  const used = ['latest', 'best']
    .map(name => join(folder, name))
    .filter(isLink)
    .map(link => basename(readlinkSync(link)))
  removeEntries(
    join(realpathSync(folder), 'snapshots'),
    entry => entry.isDirectory() && isLabel.test(entry.name) && !used.includes(entry.name),
  )
}

/** Names that snapshots have; what has another name is not the program's. */
const isLabel = /^step-\d{8,}(?:-\d+)?$/
const isUnfinished = /^step-\d{8,}(?:-\d+)?\.tmp$/

function snapshotLabels(folder: string): string[] {
  const snapshots = join(folder, 'snapshots')
  return existsSync(snapshots)
    ? readdirSync(snapshots)
        .filter(name => isLabel.test(name))
        .sort()
    : []
}

/** Removes what `isOurs` chooses in a folder; nothing where that is a link to elsewhere. */
function removeEntries(folder: string, isOurs: (entry: Dirent) => boolean): void {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  for (const entry of readdirSync(folder, { withFileTypes: true }).filter(isOurs))
    rmSync(join(folder, entry.name), { recursive: true, force: true })
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}
