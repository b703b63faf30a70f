/** Everything of one comparison: its settings, its rows, and each of its runs against its row. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { leftoversOf } from '../../runs/leftovers.js'
import { isLocked } from '../../runs/lock-state.js'
import { readHistory } from '../../runs/metrics-file.js'
import { readRunHeader } from '../../runs/trained-run.js'
import { readCompareFile, type SavedRows } from '../compare/compare-file.js'
import { readCompareSettings } from '../compare/compare-settings.js'
import { attempt, type Checked, type Finding, isGood, type Resume } from './findings.js'

export interface InspectedComparison extends Checked {
  leftovers: string[]
}

/** Reads the comparison called `name` below `checkpoints`, but not its runs, whose checks are `runs`. */
export function inspectComparison(checkpoints: string, name: string, runs: readonly Checked[]): InspectedComparison {
  const folder = join(checkpoints, name)
  const files: Finding[] = []
  const settings = attempt(files, join(name, 'settings.json'), () => readCompareSettings(folder))
  const file = join(name, 'compare.json')
  const isThere = existsSync(join(folder, 'compare.json'))
  const saved = isThere ? attempt(files, file, () => readCompareFile(join(folder, 'compare.json'))) : undefined
  const isOlder = isThere && saved === undefined && files.at(-1)?.state === 'whole'
  if (isOlder)
    files[files.length - 1] = { file, state: 'unverified', message: 'an older version wrote it, without a digest' }
  if (saved) files.push(...wrongRows(checkpoints, file, saved))
  const locked = isLocked(folder)
  const leftovers = locked ? [] : leftoversOf(folder) // a comparison that is being made still needs them
  files.push(
    ...leftovers.map(path => ({
      file: join(name, path),
      state: 'leftover' as const,
      message: 'half written by a process that was killed',
    })),
  )
  const refused = files.find(finding => finding.state === 'damaged' || finding.state === 'missing')
  const resume: Resume = refused
    ? { refused: `${refused.file}: ${refused.message ?? refused.state}` }
    : { from: `${saved?.rows.length ?? 0} rows that are measured` }
  const whole = settings !== undefined && files.every(isGood) && runs.every(run => run.whole)
  return { name, whole, locked: locked || runs.some(run => run.locked), files, resume, repaired: [], leftovers }
}

/** Rows that do not agree with the snapshots of their runs. */
const wrongRows = (checkpoints: string, file: string, { rows }: SavedRows): Finding[] =>
  rows.flatMap((row): Finding[] => {
    const damaged = (message: string): Finding[] => [{ file, state: 'damaged', message: `row ${row.run}: ${message}` }]
    try {
      const folder = join(checkpoints, row.run)
      const { position } = readRunHeader(folder, 'latest')
      const best = readHistory(folder, position)[row.bestPass - 1]
      if (position.best?.epoch !== row.bestPass)
        return damaged(`measured at pass ${row.bestPass}, but the run's best is ${position.best?.epoch}`)
      return best?.validationElbo === row.validationBound.mean
        ? []
        : damaged('has another validation bound than the run')
    } catch (error) {
      return damaged((error as Error).message)
    }
  })
