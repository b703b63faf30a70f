/** metrics.jsonl of a run while another process appends to it: what is new is read, and a line that is half written waits for its end. */
import { existsSync, statSync } from 'node:fs'
import { withFile } from '../files/reading.js'
import type { EpochMetrics } from '../methods/metrics.js'
import { metricsFile, parseMetrics } from '../runs/metrics-file.js'

export interface Tail {
  /** All whole lines so far. */
  readonly lines: readonly EpochMetrics[]
  /** Why the lines after these cannot be read. */
  readonly error?: string
}

/** What is known of a file: `bytes` have been read into `lines`, all of whole lines. */
interface Known {
  file: string
  bytes: number
  lines: EpochMetrics[]
  error?: string
}

/** Reads the metrics of runs by their folders, each time only what has been added since. */
export function metricsTails(): (folder: string) => Tail {
  const tails = new Map<string, Known>()
  return folder => {
    const found = statSync(metricsFile(folder), { throwIfNoEntry: false })
    const file = found ? `${found.dev}:${found.ino}` : ''
    let known = tails.get(folder)
    // A resumed run replaces the file by a shorter one.
    if (known === undefined || known.file !== file || (found?.size ?? 0) < known.bytes) {
      known = { file, bytes: 0, lines: [] }
      tails.set(folder, known)
    }
    if (!existsSync(folder)) {
      tails.delete(folder)
      return { lines: [], error: `${folder}: the run was deleted` }
    }
    if (found && found.size > known.bytes) readMore(folder, known)
    return known
  }
}

function readMore(folder: string, known: Known): void {
  const path = metricsFile(folder)
  const text = withFile(path, path, ({ size, read }) => read(known.bytes, size - known.bytes)).toString()
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  delete known.error
  for (const line of whole.split('\n').slice(0, -1)) {
    try {
      known.lines.push(parseMetrics(folder, line, known.lines.length + 1))
      known.bytes += Buffer.byteLength(line) + 1
    } catch (error) {
      known.error = (error as Error).message
      return // read again the next time: the file may be restored
    }
  }
}
