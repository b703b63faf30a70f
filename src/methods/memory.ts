/** The memory that a model needs, compared with that of the machine before the model is made. */
import { totalmem } from 'node:os'
import { UsageError } from '../settings/setting.js'

/** Values that must exist at once. */
export interface MemoryNeed {
  /** What they are, for messages. */
  readonly what: string
  /** How many; 4 bytes each, so a value in double precision counts twice. A lower bound. */
  readonly values: number
  /** The settings that decide how many there are. */
  readonly settings: string
}

/** Bytes that this process can have: those of the machine, or of its container if that has fewer. */
export function machineMemory(): number {
  const constrained = process.constrainedMemory() ?? 0 // 0: no limit is known
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

/** Throws a `UsageError` if `model` needs more than `available` bytes. */
export function requireMemory(model: string, needs: readonly MemoryNeed[], available = machineMemory()): void {
  const bytes = 4 * needs.reduce((sum, { values }) => sum + values, 0)
  if (bytes <= available) return
  const [largest] = needs.toSorted((a, b) => b.values - a.values) as [MemoryNeed]
  const parts = needs.filter(({ values }) => 4 * values > bytes / 100)
  const list = parts.map(({ what, values }) => `${what}: ${gigabytes(4 * values)}`).join('; ')
  throw new UsageError(
    `${model}: this model needs at least ${gigabytes(bytes)} of memory (${list}), and this machine has ` +
      `${gigabytes(available)}; use a smaller ${largest.settings}`,
  )
}

function gigabytes(bytes: number): string {
  const count = bytes / 1e9
  return `${count < 10 ? count.toPrecision(2) : Math.round(count).toLocaleString('en')} GB`
}
