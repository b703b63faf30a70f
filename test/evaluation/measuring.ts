/** What a method of `elbo evaluate` is told, for tests that call it without a run. */
import type { Measuring } from '../../src/commands/evaluate/measuring.js'
import type { Images } from '../../src/data/images.js'
import type { Vae } from '../../src/models/vae.js'

/** Binary images of 2 x 2 pixels for a VAE, and a list that gets every line that is printed. */
export function measuringOf(
  vae: Vae,
  images: Images,
  { about = 'the images', signal }: { about?: string; signal?: AbortSignal } = {},
): { measuring: Measuring; printed: string[] } {
  const printed: string[] = []
  const measuring = {
    ...{ trained: { learner: { vae } }, images, about, logPx: 'log p(x)' },
    ...{ data: { rows: 2, columns: 2, channels: 1 }, binary: true, seed: 1, mode: 'off' },
    context: { print: (line: string) => void printed.push(line), note() {}, colors: false, signal },
  } as unknown as Measuring
  return { measuring, printed }
}
