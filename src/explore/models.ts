/** The networks and the state of runs, from their snapshots. */
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { imageShape } from '../data/images.js'
import { methodOf } from '../methods/list.js'
import { vae } from '../methods/vae.js'
import type { VaeConfig } from '../methods/vae-settings.js'
import { readRunConfig } from '../runs/config-file.js'
import { type SnapshotName, snapshotFolder } from '../runs/directory.js'
import { isSnapshotLabel } from '../runs/leftovers.js'
import type { Snapshot } from '../runs/snapshot.js'
import { readRunHeader, readRunSnapshot } from '../runs/trained-run.js'
import { type Answer, bytes, json, missing, Refused } from './answer.js'
import { readOwn } from './own-file.js'
import type { ModelOf, TensorsOf } from './protocol.js'

/** The networks of a VAE in its best snapshot, or in the latest if no epoch has finished. Throws an Error if the run is no VAE. */
export function describeModel(folder: string, name: string): ModelOf {
  const config = readRunConfig(folder)
  const method = methodOf(config)
  if (method !== vae)
    throw new Refused(
      422,
      `run ${name} is of \`elbo ${method.command}\`: it has no encoder, so this view cannot show it; choose a run of \`elbo train\``,
    )
  const snapshot: SnapshotName = snapshotFolder(folder, 'best') === undefined ? 'latest' : 'best'
  const { data: images, position } = readRunHeader(folder, snapshot)
  const { classes } = images
  const label = basename(snapshotFolder(folder, snapshot) ?? '')
  const { data: _, ...settings } = config as VaeConfig // a path of this machine
  return {
    name,
    snapshot,
    label,
    epoch: position.epoch,
    step: position.step,
    options: { ...settings, ...imageShape(images), ...(classes && { classes: classes.names.length }) },
    ...(classes && { classes: classes.names }),
    networks: networksIn(join(folder, 'snapshots', label)),
    reads: method.traits(config).reads,
    seed: config.seed,
    objective: settings.objective,
  }
}

const networksIn = (snapshot: string): string[] =>
  readdirSync(snapshot, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && existsSync(join(snapshot, entry.name, 'model.json')))
    .map(entry => entry.name)
    .sort()

/** A file of a network: model.json or weights.bin. */
export function networkFile(folder: string, label: string, network: string, file: string): Answer {
  if (!isSnapshotLabel.test(label) || !/^[a-z_]+$/.test(network) || !/^(model\.json|weights\.bin)$/.test(file))
    throw missing('there is no such network')
  const path = join(folder, 'snapshots', label, network, file)
  const content = readOwn(folder, path, `snapshot ${label} is gone: training has replaced it; reload the page`)
  return file === 'model.json' ? { type: 'application/json', body: content } : bytes(content)
}

/** Reads states; the last one is held, because its tensors are asked for one by one. */
export function stateReader() {
  let held: { path: string; snapshot: Snapshot } | undefined
  const read = (folder: string, name: string): Snapshot => {
    if (name !== 'best' && name !== 'latest')
      throw missing(`there is no snapshot '${name}'; best or latest was expected`)
    const path = snapshotFolder(folder, name)
    if (path === undefined || held?.path !== path) {
      const { snapshot } = readRunSnapshot(folder, name)
      held = { path: path ?? '', snapshot }
    }
    return held.snapshot
  }
  return {
    list(folder: string, run: string, name: string): Answer {
      const { tensors, position } = read(folder, name)
      const list: TensorsOf = {
        name: run,
        epoch: position.epoch,
        step: position.step,
        tensors: Array.from(tensors, ([tensor, { shape }]) => ({ name: tensor, shape })),
      }
      return json(list)
    },
    values(folder: string, name: string, index: number): Answer {
      const tensor = [...read(folder, name).tensors.values()][index]
      if (tensor === undefined) throw missing(`there is no tensor ${index}`)
      const values = Float32Array.from(tensor.data as ArrayLike<number>)
      return bytes(new Uint8Array(values.buffer))
    },
  }
}
