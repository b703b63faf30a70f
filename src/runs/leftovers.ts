/** Half-written files that a killed process left in a run or a comparison: only what has our names, in real folders of its own. */
import { type Dirent, lstatSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isLeftover } from '../files/files.js'

/** Files that are replaced as a whole, by the folder that they are in. */
const replacedFiles: Readonly<Record<string, RegExp>> = {
  '': /^(?:config\.json|metrics\.jsonl|settings\.json|compare\.(?:json|csv|svg|png))$/,
  plots: /^(?:elbo|half-steps|gradients)\.(?:svg|png)$/,
  images: /^(?:(?:samples|reconstructions)(?:-epoch-\d+)?|interpolations|manifold|posterior)\.png$/,
}

/** The names of snapshots, which are folders in snapshots/. */
export const isSnapshotLabel = /^step-\d{8,}(?:-\d+)?$/

/** The leftovers in `folder`, as paths in it. */
export const leftoversOf = (folder: string): string[] => [
  ...Object.entries(replacedFiles).flatMap(([part, names]) =>
    entriesIn(folder, part, entry => entry.isFile() && isLeftover(entry.name, names)),
  ),
  ...entriesIn(folder, '', entry => entry.isSymbolicLink() && /^(?:latest|best)\.tmp$/.test(entry.name)),
  ...entriesIn(folder, 'snapshots', entry => entry.isDirectory() && isUnfinished(entry.name)),
]

const isUnfinished = (name: string): boolean => name.endsWith('.tmp') && isSnapshotLabel.test(name.slice(0, -4))

/** Removes the leftovers in `folder` and returns their paths in it. Call it with the folder locked. */
export function removeLeftovers(folder: string): string[] {
  const paths = leftoversOf(folder)
  for (const path of paths) rmSync(join(folder, path), { recursive: true, force: true })
  return paths
}

/** The paths of what `isOurs` chooses in a part of `folder`; none if that part is a link to elsewhere. */
export function entriesIn(folder: string, part: string, isOurs: (entry: Dirent) => boolean): string[] {
  const path = join(realpathSync(folder), part)
  if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return []
  return readdirSync(path, { withFileTypes: true })
    .filter(isOurs)
    .map(({ name }) => join(part, name))
}
