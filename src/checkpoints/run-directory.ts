/**
 * A run directory, `checkpoints/NAME/`. `latest` and `best` are links to folders below `snapshots/`; a link is replaced
 * in one step after its folder is whole on disk, so that both are whole at every moment.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { UsageError } from '../settings.js'
import { explain, flushDirectory, writeFileAtomic } from './files.js'

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
  if (!existsSync(checkpoints)) return []
  return readdirSync(checkpoints)
    .filter(name => existsSync(join(checkpoints, name, 'config.json')))
    .sort()
}

/** Makes the run's folders, if they are not there yet. */
export function makeRunFolder(folder: string): void {
  try {
    for (const part of ['snapshots', 'plots', 'images', 'tensorboard'])
      mkdirSync(join(folder, part), { recursive: true })
  } catch (error) {
    throw explain(error, folder)
  }
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
  const path = join(folder, 'metrics.jsonl')
  const file = openSync(path, 'a')
  const length = readFileSync(path).length
  try {
    writeSync(file, `${JSON.stringify(metrics)}\n`)
    fsyncSync(file)
  } catch (error) {
    ftruncateSync(file, length)
    throw explain(error, path)
  } finally {
    closeSync(file)
  }
}

/** The lines of metrics.jsonl, parsed; a last line cut short by a killed process is left out. */
export function readMetrics(folder: string): Record<string, unknown>[] {
  const path = join(folder, 'metrics.jsonl')
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line, i) => {
    try {
      return JSON.parse(line) as Record<string, unknown>
    } catch {
      throw new Error(`${path}: line ${i + 1} is not JSON`)
    }
  })
}

/** Drops the metrics of passes that no snapshot holds: they will be made again. */
export function keepMetricsUpTo(folder: string, epoch: number): void {
  const kept = readMetrics(folder).filter(line => Number(line.epoch) <= epoch)
  writeFileAtomic(join(folder, 'metrics.jsonl'), kept.map(line => `${JSON.stringify(line)}\n`).join(''))
}

/** `label`, or the first of label-2, label-3, … that no folder has: a linked folder is never touched again. */
function unusedLabel(folder: string, label: string): string {
  const taken = new Set(readdirSync(join(folder, 'snapshots')))
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
  for (const label of readdirSync(join(folder, 'snapshots'))) {
    if (!used.includes(label)) rmSync(join(folder, 'snapshots', label), { recursive: true, force: true })
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}
