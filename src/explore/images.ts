/** The images of runs, in blocks: grey levels as the source has them, and as the run's model reads them in every evaluation. */
import { type Dataset, loadRunDataset, type Split, selectionOf, sourceName, splitNames } from '../data/dataset.js'
import { imageShape, levelsOf } from '../data/images.js'
import { methodOf } from '../methods/list.js'
import type { RunConfig } from '../methods/method.js'
import { imagesAsRead } from '../methods/reading.js'
import { streamKey } from '../random.js'
import { readRunConfig } from '../runs/config-file.js'
import { requireTrainedOn } from '../runs/own-images.js'
import { readRunHeader } from '../runs/trained-run.js'
import { missing } from './answer.js'
import type { ImagesOf } from './protocol.js'

/** Images of a block: whole batches of an evaluation. */
export const BLOCK = 100

/** Data sets that are held at the same time. */
const MOST_HELD = 2

/** One split of a run. */
export interface RunImages {
  about(): ImagesOf
  /** The levels of block `b`. */
  block(kind: 'grey' | 'read', b: number): Uint8Array
}

/** Loads splits of runs by the run's folder, and verifies that the images are those the run was trained on. */
export function runImages(): (folder: string, split: string) => Promise<RunImages> {
  const held = new Map<string, Promise<Dataset>>()
  // Splits as they are read: a block of them is binarized for many requests.
  const read = new WeakMap<Dataset, Map<string, RunImages>>()
  const load = (config: RunConfig) => {
    const name = JSON.stringify(selectionOf(config))
    const loading = held.get(name) ?? loadRunDataset(config)
    held.delete(name)
    held.set(name, loading)
    loading.catch(() => held.delete(name))
    for (const oldest of [...held.keys()].slice(0, -MOST_HELD)) held.delete(oldest)
    return loading
  }
  return async (folder, name) => {
    const split = splitNames.find(one => one === name)
    if (split === undefined) throw missing(`there is no split '${name}'; one of ${splitNames.join(', ')} was expected`)
    const config = readRunConfig(folder)
    const { data: trained } = readRunHeader(folder, 'latest')
    const data = await load(config)
    requireTrainedOn(data, trained)
    const seen = `${config.seed} ${methodOf(config).traits(config).reads} ${split}`
    const ofData = read.get(data) ?? new Map<string, RunImages>()
    const found = ofData.get(seen) ?? splitBlocks(data, data[split], config)
    read.set(data, ofData.set(seen, found))
    return found
  }
}

function splitBlocks(data: Dataset, split: Split, config: RunConfig): RunImages {
  const { reads } = methodOf(config).traits(config)
  const stored = {
    ...imageShape(split),
    count: split.count,
    read: (from: number, to: number) => levelsOf(split, from, to),
  }
  const seen = imagesAsRead(stored, reads, streamKey(config.seed, split.name))
  return {
    about: () => ({
      split: split.name,
      count: split.count,
      block: BLOCK,
      ...imageShape(split),
      source: sourceName(data.source),
      ...(split.labels && { labels: { values: [...split.labels.values], names: [...split.labels.names] } }),
      ...(split.classes && { classes: [...split.classes] }),
      ...(split.names && { names: split.names }),
    }),
    block(kind, b) {
      if (b * BLOCK >= split.count) throw missing(`there is no block ${b}: the split has ${split.count} images`)
      return levelsOf(kind === 'grey' ? stored : seen, b * BLOCK, Math.min((b + 1) * BLOCK, split.count))
    },
  }
}
