/** config.json of a run: every setting, resolved. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../files/files.js'
import { MOST_JSON, readWhole } from '../files/reading.js'
import { parseRunConfig } from '../methods/list.js'
import type { RunConfig } from '../methods/method.js'

/** The settings of the run in `folder`. Throws an Error if there is no run, a `UsageError` if the file is not valid. */
export function readRunConfig(folder: string): RunConfig {
  const path = join(folder, 'config.json')
  if (!existsSync(path)) throw new Error(`${folder}: there is no run here (no config.json)`)
  return parseRunConfig(readWhole(path, path, MOST_JSON).toString(), path)
}

export function writeRunConfig(folder: string, config: RunConfig): void {
  writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
}
