/**
 * A run directory, `checkpoints/NAME/`. `latest` and `best` are links to folders in `snapshots/`. A link is replaced
 * atomically after its new folder is complete on disk, so that both lead to a complete snapshot at any time.
 */
import {
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
import { explain, flushDirectory, removeIfPossible } from '../files/files.js'
import { makeFolder } from '../files/folders.js'
import { shortened, UsageError } from '../settings/setting.js'
import { entriesIn, isSnapshotLabel } from './leftovers.js'
import { metricsLines } from './metrics-file.js'

export type SnapshotName = 'latest' | 'best'

/** The folder of the run `name` in `checkpoints`. Throws a `UsageError` for names that could lead elsewhere. */
export function runFolder(checkpoints: string, name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    throw new UsageError(
      `run name '${shortened(name)}': use 1 to 100 letters, digits, '.', '_' and '-', beginning with a letter or digit`,
    )
  }
  return join(checkpoints, name)
}

/** The names of all runs in `checkpoints`, sorted. */
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

/** Creates the folders of a run that are missing. */
export function makeRunFolder(folder: string): void {
  for (const part of ['snapshots', 'plots', 'images', 'tensorboard']) makeFolder(join(folder, part))
}

/** Whether the run has metrics or snapshots, which a new start would lose. */
export function hasHistory(folder: string): boolean {
  const isLinked = (['latest', 'best'] as const).some(name => lstatSync(join(folder, name), { throwIfNoEntry: false }))
  return isLinked || metricsLines(folder).length > 0 || snapshotLabels(folder).some(label => !isStart.test(label))
}

/** Throws an Error if `latest` or `best` is missing or not a link, as in a copy that did not keep links. */
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
        `(snapshots: ${snapshotLabels(folder).join(', ') || 'none'}); restore it as a link to snapshots/STEP`,
    )
  }
}

/** A snapshot of step 0. */
const isStart = /^step-0+(?:-\d+)?$/

/** The name of a snapshot's folder: its step. */
export function stepLabel(step: number): string {
  return `step-${String(step).padStart(8, '0')}`
}

/** The folder that `latest` or `best` links to; undefined before the first snapshot. */
export function snapshotFolder(folder: string, name: SnapshotName): string | undefined {
  const link = join(folder, name)
  return existsSync(link) ? realpathSync.native(link) : undefined
}

/**
 * Saves a snapshot: `write` fills a new folder, which then becomes `latest` and, if `isBest`, also `best`. If anything
 * fails, the previous snapshots stay unchanged.
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
    removeIfPossible(aside)
    throw explain(error, whole)
  }
  removeUnused(folder)
}

/** `label`, or the first unused of label-2, label-3, …; a linked folder is never written to again. */
function unusedLabel(folder: string, label: string): string {
  const taken = new Set(snapshotLabels(folder))
  let candidate = label
  for (let n = 2; taken.has(candidate); n++) candidate = `${label}-${n}`
  return candidate
}

/** Makes `latest` or `best` a link to the snapshot `label`, in one step. */
export function pointTo(folder: string, name: SnapshotName, label: string): void {
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
  const isUnused = (name: string) => isSnapshotLabel.test(name) && !used.includes(name)
  for (const path of entriesIn(folder, 'snapshots', entry => entry.isDirectory() && isUnused(entry.name)))
    rmSync(join(folder, path), { recursive: true, force: true })
}

/** The names of all snapshots, sorted. */
export function snapshotLabels(folder: string): string[] {
  const snapshots = join(folder, 'snapshots')
  return existsSync(snapshots)
    ? readdirSync(snapshots)
        .filter(name => isSnapshotLabel.test(name))
        .sort()
    : []
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}
