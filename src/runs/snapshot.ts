/**
 * A snapshot: one folder with the complete state of a run. `state.safetensors` has every variable and the
 * position; `encoder/` and `decoder/` hold the same weights as layers models for other programs.
 */
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import * as tf from '#tfjs'
import type { Classes } from '../data/classes.js'
import { flushDirectory, writeFlushed } from '../files/files.js'
import { makeFolder } from '../files/folders.js'
import { readWhole } from '../files/reading.js'
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensorsMetadata,
  type StoredTensor,
} from '../files/safetensors.js'
import { generator } from '../random.js'
import { parseJson } from '../settings/json.js'

/** The version of the snapshot's layout; readers refuse others. */
const VERSION = '1'

const count = z.number().int().nonnegative()

/** The position of a run. All randomness is derived from the seed and these counters. */
const positionSchema = z.strictObject({
  /** Number of finished passes over the training images. */
  epoch: count,
  /** Number of steps since the start of the run, and since the start of the current pass. */
  step: count,
  stepInEpoch: count,
  /** Sums of the outputs of the steps of the current pass, in nats per image. */
  sums: z.record(z.string(), z.number()),
  /** The best pass so far and its bound on the validation images, in nats per image; without validation, the last pass. */
  best: z.strictObject({ epoch: count, validationBound: z.number().nullable() }).nullable(),
  /** How steps ran last; null before the first. */
  compile: z.enum(['xla', 'graph', 'off']).nullable().default(null),
  /** Digest of the lines of metrics.jsonl up to this pass, without times; snapshots of older versions have none. */
  metricsSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
})
export type Position = z.infer<typeof positionSchema>

const metadataSchema = z.object({
  format: z.literal('elbo-snapshot', { error: "is not 'elbo-snapshot': not written by elbo train" }),
  version: z.string(),
  algorithm: z.string(),
  generator: z.literal(generator),
  settings: json(z.record(z.string(), z.unknown())),
  data: json(
    z.strictObject({
      source: z.string(),
      sha256: z.string(),
      rows: count.min(1),
      columns: count.min(1),
      /** Absent for grey images. */
      channels: count.min(1).exactOptional(),
      images: count.default(0),
      /** Of a conditional model. */
      classes: z.strictObject({ names: z.array(z.string()).min(2), sha256: z.string() }).exactOptional(),
    }),
  ),
  position: json(positionSchema),
  /** The digest of each file beside it, by its name: no path leads out of the snapshot. */
  files: json(z.record(z.string().regex(/^[a-z_]+\/(model\.json|weights\.bin)$/), z.string())),
})

/** The content of `state.safetensors`. */
export interface Snapshot {
  algorithm: string
  /** The settings that determine the state, by name. */
  settings: Record<string, unknown>
  /** The training data; `images` is the number of training images. */
  data: {
    source: string
    sha256: string
    rows: number
    columns: number
    channels?: number
    images: number
    classes?: Classes
  }
  position: Position
  tensors: Map<string, StoredTensor>
}

/** Writes a snapshot of these variables and models into the new folder `folder`, flushed to disk. */
export async function writeSnapshot(
  folder: string,
  snapshot: Omit<Snapshot, 'tensors'>,
  variables: ReadonlyMap<string, tf.Tensor>,
  models: ReadonlyMap<string, tf.LayersModel>,
): Promise<void> {
  const files = await modelFiles(models)
  const metadata = {
    format: 'elbo-snapshot',
    version: VERSION,
    algorithm: snapshot.algorithm,
    generator,
    settings: JSON.stringify(snapshot.settings),
    data: JSON.stringify(snapshot.data),
    position: JSON.stringify(snapshot.position),
    files: JSON.stringify(Object.fromEntries([...files].map(([path, bytes]) => [path, sha256(bytes)]))),
  }
  files.set('state.safetensors', encodeSafetensors({ tensors: await readValues(variables), metadata }))
  for (const [path, bytes] of files) {
    makeFolder(dirname(join(folder, path)))
    writeFlushed(join(folder, path), bytes)
  }
  for (const part of models.keys()) flushDirectory(join(folder, part))
  flushDirectory(folder)
}

/** What the header of a snapshot says beside the shapes of its tensors. */
export type SnapshotHeader = Omit<Snapshot, 'tensors'>

/** Reads a snapshot and checks each of its files. Throws Errors that name the file, as a file in `shownAs`, and the field. */
export function readSnapshot(folder: string, shownAs = folder): Snapshot {
  const { files, ...snapshot } = readState(folder, shownAs)
  for (const [name, expected] of Object.entries(files)) verifyModelFile(folder, name, expected, shownAs)
  return snapshot
}

/** The same of state.safetensors alone. `files` has the digest of each file beside it, by its name. */
export function readState(folder: string, shownAs = folder): Snapshot & { files: Record<string, string> } {
  const path = join(shownAs, 'state.safetensors')
  const { tensors, metadata } = decodeSafetensors(readWhole(join(folder, 'state.safetensors'), path), path)
  return { ...parseMetadata(metadata, path), tensors }
}

/** Throws an Error unless this file of a snapshot has the expected digest. */
export function verifyModelFile(folder: string, name: string, expected: string, shownAs = folder): void {
  const shown = join(shownAs, name)
  if (sha256(readWhole(join(folder, name), shown)) !== expected)
    throw new Error(`${shown}: sha256 does not match state.safetensors: changed or damaged after it was written`)
}

/** Reads the header of a snapshot only, however large its tensors are. What no digest covers is not noticed: `readSnapshot` verifies all. */
export function readSnapshotHeader(folder: string, shownAs = folder): SnapshotHeader {
  const path = join(shownAs, 'state.safetensors')
  const { files: _, ...header } = parseMetadata(readSafetensorsMetadata(join(folder, 'state.safetensors'), path), path)
  return header
}

function parseMetadata(metadata: Record<string, string>, path: string) {
  const parsed = metadataSchema.safeParse(metadata)
  if (!parsed.success) throw new Error(`${path}: metadata ${describe(parsed.error)}`)
  const { version, algorithm, settings, data, position, files } = parsed.data
  if (version !== VERSION) {
    throw new Error(
      `${path}: metadata version: this snapshot has layout ${version}; this program reads layout ${VERSION}`,
    )
  }
  return { algorithm, settings, data, position, files }
}

/** Assigns stored tensors to variables of the same names and shapes; `path` is for error messages. */
export function assignVariables(
  variables: ReadonlyMap<string, tf.Variable>,
  tensors: ReadonlyMap<string, StoredTensor>,
  path: string,
): void {
  const unexpected = [...tensors.keys()].find(name => !variables.has(name))
  if (unexpected) throw new Error(`${path}: tensor '${unexpected}' is not in the model that config.json describes`)
  for (const [name, variable] of variables) {
    const stored = tensors.get(name)
    if (!stored) throw new Error(`${path}: tensor '${name}' is missing; the model that config.json describes has it`)
    if (String(stored.shape) !== String(variable.shape)) {
      throw new Error(
        `${path}: tensor '${name}' has shape [${stored.shape}]; the model that config.json describes has [${variable.shape}]`,
      )
    }
  }
  for (const [name, variable] of variables) {
    const { data, shape } = tensors.get(name) as StoredTensor
    tf.tidy(() => variable.assign(tf.tensor(data as Float32Array, shape, 'float32')))
  }
}

/** The files of each layers model, `encoder/model.json` and so on, as `tf.loadLayersModel` reads them. */
export async function modelFiles(models: ReadonlyMap<string, tf.LayersModel>): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const [name, model] of models) {
    await model.save(
      tf.io.withSaveHandler(async artifacts => {
        const description = {
          format: 'layers-model',
          generatedBy: artifacts.generatedBy,
          convertedBy: null,
          modelTopology: artifacts.modelTopology,
          weightsManifest: [{ paths: ['weights.bin'], weights: artifacts.weightSpecs }],
        }
        files.set(`${name}/model.json`, Buffer.from(`${JSON.stringify(description, null, 1)}\n`))
        files.set(`${name}/weights.bin`, Buffer.from(tf.io.CompositeArrayBuffer.join(artifacts.weightData)))
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
      }),
    )
  }
  return files
}

/** The values of all variables, which must be finite. */
export async function readValues(variables: ReadonlyMap<string, tf.Tensor>): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>()
  for (const [name, variable] of variables) {
    const data = await variable.data<'float32'>()
    const broken = data.findIndex(value => !Number.isFinite(value))
    if (broken >= 0) throw new Error(`'${name}' has the value ${data[broken]}; only finite weights are saved`)
    tensors.set(name, { shape: variable.shape, data })
  }
  return tensors
}

/** A JSON document in a string, as in the metadata of a safetensors file. */
function json<T extends z.ZodType>(schema: T) {
  return z
    .string()
    .transform((text, context) => {
      try {
        return parseJson(text)
      } catch (error) {
        context.addIssue(`is ${(error as Error).message}`)
        return z.NEVER
      }
    })
    .pipe(schema)
}

function describe(error: z.ZodError): string {
  const issue = error.issues[0]
  return `${issue?.path.join('.')}: ${issue?.message}`
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
