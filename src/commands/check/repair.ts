/** Repairs that lose nothing. A damaged file is never deleted: it is renamed to NAME.damaged. */
import { existsSync, lstatSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeFileAtomic } from '../../files/files.js'
import { makeFolder } from '../../files/folders.js'
import { pointTo, type SnapshotName } from '../../runs/directory.js'
import { removeLeftovers } from '../../runs/leftovers.js'
import { lockRun } from '../../runs/lock.js'
import { dropUnfinished, readHistory } from '../../runs/metrics-file.js'
import type { Position } from '../../runs/snapshot.js'
import { isGood } from './findings.js'
import { type InspectedRun, inspectRun, linked } from './inspect-run.js'
import type { InspectedSnapshot } from './inspect-snapshot.js'

/** Repairs the run called `name` in `folder`, with the run locked; returns what was done, a line each. Throws an Error if it is being trained. */
export async function repairRun(folder: string, name: string): Promise<string[]> {
  const unlock = lockRun(folder)
  try {
    const found = await inspectRun(folder, name, false)
    const done = [...cleanUp(folder), ...rewriteNetworks(folder, found)]
    const { config, snapshots } = await inspectRun(folder, name, false)
    if (config) done.push(...relink(folder, snapshots)) // without it nobody knows which tensors there should be
    return [...done, ...dropLines(folder, await inspectRun(folder, name, false))]
  } finally {
    unlock()
  }
}

/** Removes half-written files; returns what was done. Call it with the folder locked. */
const cleanUp = (folder: string): string[] => removeLeftovers(folder).map(path => `removed ${path}`)

/** Removes the half-written files of a comparison. Throws an Error if it is being made. */
export function cleanUpComparison(folder: string): string[] {
  const unlock = lockRun(folder, 'is making this comparison')
  try {
    return cleanUp(folder)
  } finally {
    unlock()
  }
}

/** Writes the exported networks anew where only they are damaged. */
function rewriteNetworks(folder: string, { snapshots }: InspectedRun): string[] {
  return snapshots.flatMap(({ label, rewritable }) =>
    [...rewritable].flatMap(([name, bytes]) => {
      const file = join('snapshots', label, name)
      const aside = existsSync(join(folder, file)) ? [setAside(folder, file)] : []
      makeFolder(dirname(join(folder, file)))
      writeFileAtomic(join(folder, file), bytes)
      return [...aside, `wrote ${file} again from the tensors of state.safetensors`]
    }),
  )
}

/** Makes `latest` the newest whole snapshot and `best` the one that it calls the best. Damaged snapshots are moved out of snapshots/, where training would remove them. */
function relink(folder: string, snapshots: readonly InspectedSnapshot[]): string[] {
  const whole = snapshots.filter(({ isWhole }) => isWhole)
  const latest = supported(folder, newest(whole, linked(folder, 'latest', snapshots)), linked(folder, 'latest', whole))
  if (!latest) return []
  const damaged = snapshots.filter(({ isWhole }) => !isWhole)
  const done = [...damaged.map(({ label }) => setAside(folder, join('snapshots', label), label))]
  done.push(...point(folder, 'latest', latest, snapshots))
  const bestEpoch = latest.position?.best?.epoch
  const isBest = ({ position }: InspectedSnapshot) => position?.epoch === bestEpoch && position?.stepInEpoch === 0
  const now = linked(folder, 'best', whole)
  const best = now && isBest(now) ? now : whole.find(isBest)
  return best ? [...done, ...point(folder, 'best', best, snapshots)] : done
}

/** The snapshot of most steps; of several the one that is linked, or the last. */
function newest(
  whole: readonly InspectedSnapshot[],
  now: InspectedSnapshot | undefined,
): InspectedSnapshot | undefined {
  const step = ({ position }: InspectedSnapshot) => (position as Position).step
  const most = Math.max(...whole.map(step))
  const candidates = whole.filter(snapshot => step(snapshot) === most)
  return candidates.find(snapshot => snapshot === now) ?? candidates.at(-1)
}

/** The newest snapshot; but the one that is linked if metrics.jsonl has its lines only, as after a resume that was killed. */
function supported(
  folder: string,
  newest: InspectedSnapshot | undefined,
  now: InspectedSnapshot | undefined,
): InspectedSnapshot | undefined {
  return now && hasLines(folder, now) && newest && !hasLines(folder, newest) ? now : newest
}

function hasLines(folder: string, { position }: InspectedSnapshot): boolean {
  try {
    readHistory(folder, position as Position)
    return true
  } catch {
    return false
  }
}

function point(
  folder: string,
  name: SnapshotName,
  { label }: InspectedSnapshot,
  snapshots: readonly InspectedSnapshot[],
): string[] {
  if (linked(folder, name, snapshots)?.label === label) return []
  const found = lstatSync(join(folder, name), { throwIfNoEntry: false })
  const aside = found && !found.isSymbolicLink() ? [setAside(folder, name)] : []
  pointTo(folder, name, label)
  return [...aside, `made ${name} a link to snapshots/${label}`]
}

/** Drops the lines of passes that no snapshot holds. */
function dropLines(folder: string, { snapshots, unfinished, files }: InspectedRun): string[] {
  const position = linked(folder, 'latest', snapshots)?.position
  const isWrong = files.some(
    finding => finding.file.endsWith('metrics.jsonl') && finding.state !== 'leftover' && !isGood(finding),
  )
  if (!position || unfinished === 0 || isWrong) return []
  dropUnfinished(folder, position)
  return [
    `dropped ${unfinished} ${unfinished === 1 ? 'line' : 'lines'} of metrics.jsonl, of passes that no snapshot holds`,
  ]
}

/** Renames a path below `folder` to NAME.damaged, or NAME.damaged-2, … if that is taken; returns what was done. */
function setAside(folder: string, path: string, name = path): string {
  let to = `${name}.damaged`
  for (let n = 2; lstatSync(join(folder, to), { throwIfNoEntry: false }); n++) to = `${name}.damaged-${n}`
  renameSync(join(folder, path), join(folder, to))
  return `renamed ${path} to ${to}`
}
