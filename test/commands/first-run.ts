/** A command line with a little of MNIST and a run of it, for the tests of commands that look at a run. */
import { join } from 'node:path'
import type { commandLine } from '../support/command-line.js'
import { smallMnist } from '../support/idx-file.js'

/** Flags of a VAE with two latent dimensions, which learns from 1,000 images in a second; there are 200 to validate and 120 to test. */
export const smallFlags: readonly string[] = [
  ...['--data', 'small', '--batch-size', '50', '--hidden', '16', '--latent-dim', '2', '--learning-rate', '5e-3'],
]

/** Writes the images, and trains the run `first`, with further flags; returns what `train` wrote on standard output. */
export function trainFirst({ home, succeed }: ReturnType<typeof commandLine>, ...flags: string[]): string {
  smallMnist(1200, 120, { folder: join(home, 'small') })
  return succeed('train', '--run', 'first', '--epochs', '2', ...smallFlags, ...flags)
}
