/** How far a run is: what its latest snapshot says, never a count of lines. */
import type { EpochMetrics } from '../methods/metrics.js'
import { snapshotFolder } from './directory.js'
import { readHistory } from './metrics-file.js'
import type { Position } from './snapshot.js'
import { readRunSnapshot } from './trained-run.js'

export interface Reached {
  position: Position
  /** The metrics of the passes that are finished; lines of a pass that was killed before its snapshot are left out. */
  history: EpochMetrics[]
}

/** Reads the latest snapshot and the metrics that belong to it, and verifies both; undefined before the first snapshot. */
export function readReached(folder: string): Reached | undefined {
  if (snapshotFolder(folder, 'latest') === undefined) return undefined
  const { position } = readRunSnapshot(folder, 'latest').snapshot
  return { position, history: readHistory(folder, position) }
}
