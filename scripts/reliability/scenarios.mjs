// The commands that the tools of this folder stop, on images that take no time: how each begins, continues, and what it works on.

import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededNumbers } from './options.mjs'

const SIDE = 8

/** Writes images of 8x8 pixels as IDX files of MNIST's names; the same each time. */
export function writeImages(folder, { train = 120, test = 20 } = {}) {
  const random = seededNumbers(1)
  mkdirSync(folder, { recursive: true })
  for (const [name, count] of Object.entries({ 'train-images-idx3-ubyte': train, 't10k-images-idx3-ubyte': test })) {
    const header = Buffer.alloc(16)
    for (const [i, word] of [0x803, count, SIDE, SIDE].entries()) header.writeUInt32BE(word, 4 * i)
    const stripes = Array.from({ length: count }, () => Math.floor(random() * SIDE))
    const pixels = stripes.flatMap(stripe =>
      Array.from({ length: SIDE * SIDE }, (_, at) => (at % SIDE === stripe ? 200 : 0) + Math.floor(random() * 50)),
    )
    writeFileSync(join(folder, name), Buffer.concat([header, Buffer.from(pixels)]))
  }
}

const shared = data => ['--data', data, '--backend', 'cpu', '--compile', 'off', '--threads', '1']
const train = data => [
  ...['train', '--run', 'a', ...shared(data), '--hidden', '4', '--latent-dim', '2', '--batch-size', '25'],
  ...['--epochs', '3', '--images-every', '2'],
]
const em = data => [
  ...['em', 'bernoulli-mixture', '--run', 'a', ...shared(data), '--components', '3', '--batch-size', '50'],
  ...['--epochs', '3', '--tolerance', 'off', '--images-every', '2'],
]
const compare = data => [
  ...['compare', '--run', 'c', ...shared(data), '--methods', 'vae:2,bernoulli-mixture:3', '--hidden', '4'],
  ...['--batch-size', '25', '--epochs', '2', '--samples', '5'],
]
const resume = { train: ['train', '--run', 'a', '--resume'], em: ['em', 'bernoulli-mixture', '--run', 'a', '--resume'] }

/**
 * `command` is stopped. Afterwards the user gives the commands `next`: those if the file `began` is there, else `command` again. `start` is
 * what is there before: `stoppedAt` a share of the calls of another scenario, changed by `damage`.
 */
export const scenarios = {
  train: { folder: 'a', began: 'a/config.json', command: train, next: [resume.train] },
  em: { folder: 'a', began: 'a/config.json', command: em, next: [resume.em] },
  compare: { folder: 'c', began: 'c/settings.json', command: compare, next: [['compare', '--run', 'c', '--resume']] },
  'train-resume': {
    ...{ folder: 'a', began: 'a/config.json', command: () => resume.train, next: [resume.train] },
    start: { of: 'train', stoppedAt: 0.55, damage: addFiles },
  },
  'em-resume': {
    ...{ folder: 'a', began: 'a/config.json', command: () => resume.em, next: [resume.em] },
    start: { of: 'em', stoppedAt: 0.55 },
  },
  'compare-resume': {
    ...{ folder: 'c', began: 'c/settings.json', command: () => ['compare', '--run', 'c', '--resume'] },
    next: [['compare', '--run', 'c', '--resume']],
    start: { of: 'compare', stoppedAt: 0.45 },
  },
  repair: {
    ...{ folder: 'a', began: 'a/config.json', command: () => ['check', 'a', '--repair'] },
    next: [['check', 'a', '--repair'], resume.train],
    start: { of: 'train', stoppedAt: 0.8, damage },
  },
}

/** Files of the user's own in the folders of a run, with names that resemble those of the program. */
function addFiles(checkpoints) {
  const folder = join(checkpoints, 'a')
  for (const name of ['notes.tmp', 'images/mine.png.1.tmp', 'snapshots/notes'])
    writeFileSync(join(folder, name), 'mine')
  mkdirSync(join(folder, 'snapshots', 'mine.tmp'))
}

/** Damage of several kinds that `check --repair` mends. */
function damage(checkpoints) {
  const folder = join(checkpoints, 'a')
  writeFileSync(join(folder, 'config.json.99.tmp'), '{')
  rmSync(join(folder, 'latest', 'decoder', 'model.json'))
  writeFileSync(join(folder, 'latest', 'encoder', 'weights.bin'), 'x')
  const newer = join(folder, 'snapshots', 'step-99999999')
  cpSync(join(folder, 'latest', '.'), newer, { recursive: true, dereference: true })
  appendFileSync(join(newer, 'state.safetensors'), 'x')
  rmSync(join(folder, 'best'))
}
