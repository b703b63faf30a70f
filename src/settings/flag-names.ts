/** Names of flags and of their groups. It imports nothing, because `--help` waits for it. */

/** The headings under which `--help` lists options, in its order. */
export const groups = [
  'run',
  'data',
  'model',
  'objective',
  'E step and M step',
  'optimizer',
  'measurement',
  'machine',
  'output',
] as const

export type Group = (typeof groups)[number]

/** `batchSize` -> `batch-size`. */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}
