/** The side of a candidate in the protocol of interleave.ts. */
import { createInterface } from 'node:readline'
import { peakMegabytes } from './peak-memory.js'

/** Serves until standard input ends. `run` runs so many steps and waits for them; the first one is run at once. */
export async function serve(run: (steps: number) => Promise<unknown>): Promise<void> {
  const timed = async (steps: number) => {
    const started = performance.now()
    await run(steps)
    return performance.now() - started
  }
  process.stdout.write('made\n')
  say('ready', await timed(1))
  for await (const line of createInterface({ input: process.stdin })) say((await timed(Number(line))) / Number(line))
}

const say = (...parts: (string | number)[]) =>
  process.stdout.write(`${[...parts, Math.round(peakMegabytes())].join(' ')}\n`)
