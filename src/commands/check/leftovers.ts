/** Half-written files that a killed process left in a run: only what has our names, and lies in real folders of the run. */
import { type Dirent, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** For each folder of a run the names of what is written there before it is renamed. */
const temporary: readonly (readonly [folder: string, isOurs: (entry: Dirent) => boolean])[] = [
  [
    '',
    entry =>
      (entry.isFile() &&
        /^(config\.json|metrics\.jsonl|settings\.json|compare\.(json|csv|svg|png))\.\d+\.tmp$/.test(entry.name)) ||
      (entry.isSymbolicLink() && /^(latest|best)\.tmp$/.test(entry.name)),
  ],
  ['plots', entry => entry.isFile() && /^[a-z0-9-]+\.(svg|png)\.\d+\.tmp$/.test(entry.name)],
  ['images', entry => entry.isFile() && /^[a-z0-9-]+\.png\.\d+\.tmp$/.test(entry.name)],
  ['snapshots', entry => entry.isDirectory() && /^step-\d{8,}(-\d+)?\.tmp$/.test(entry.name)],
]

/** Their paths below the run's folder. */
export const leftoversOf = (folder: string): string[] =>
  temporary.flatMap(([part, isOurs]) => {
    const path = join(folder, part)
    if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return []
    return readdirSync(path, { withFileTypes: true })
      .filter(isOurs)
      .map(({ name }) => join(part, name))
  })
