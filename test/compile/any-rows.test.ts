// Networks as programs for any number of images: SavedModels that TensorFlow runs, ONNX models, and what has no such program.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import * as tf from '@tensorflow/tfjs'
import * as onnx from 'onnxruntime-web'
import { beforeAll, describe, expect, test } from 'vitest'
import { networkPrograms } from '../../src/commands/export/network-programs.js'
import { onnxBytes } from '../../src/compile/program/onnx.js'
import { type Program, printProgram } from '../../src/compile/program/program.js'
import { savedModelBytes } from '../../src/compile/program/saved-model.js'
import { programOfRows } from '../../src/compile/record/any-rows.js'
import { givenClasses } from '../../src/models/conditional.js'
import { createVae, decode, encode, initialize, type Vae, type VaeOptions } from '../../src/models/vae.js'
import { normal, streamKey } from '../../src/random.js'
import { binding } from '../libtensorflow/binding.js'
import { useBackend } from '../support/backend.js'
import { expectClose } from '../support/expectations.js'
import { skipped } from '../support/native.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const SHAPES: Readonly<Record<string, VaeOptions>> = {
  'dense, continuous Bernoulli': {
    ...{ rows: 4, columns: 4, hidden: [5], latentDim: 2, activation: 'elu' },
    likelihood: 'continuous-bernoulli',
  },
  // Odd sizes are cut, and residual blocks add.
  'convolutional, in colour': {
    ...{ rows: 9, columns: 7, channels: 3, filters: [3, 4], residualBlocks: 1, hidden: [5], latentDim: 2 },
    ...{ activation: 'softplus', likelihood: 'discretized-logistic', logistics: 2 },
  },
}

function newVae(options: VaeOptions): Vae {
  const vae = createVae(options)
  initialize(vae, streamKey(1, 'weights'), new Float32Array(vae.pixels).fill(0.3))
  return vae
}

const programsOf = (vae: Vae): Map<string, Program> =>
  new Map([
    ['decoder', programOfRows({ z: [vae.latentDim] }, ({ z }) => ({ mean: decode(vae, z as tf.Tensor).mean }))],
    [
      'encoder',
      programOfRows({ x: [vae.pixels] }, ({ x }) => {
        const [mu, logVar] = encode(vae, x as tf.Tensor).heads as [tf.Tensor, tf.Tensor]
        return { mu, log_var: logVar }
      }),
    ],
  ])

/** Runs a program as an ONNX model; the values of its results by name. */
async function runOnnx(program: Program, inputs: Record<string, tf.Tensor>): Promise<Record<string, Float32Array>> {
  const session = await onnx.InferenceSession.create(onnxBytes(program, 'network'))
  const feeds = Object.entries(inputs).map(
    ([name, tensor]) => [name, new onnx.Tensor('float32', tensor.dataSync<'float32'>(), tensor.shape)] as const,
  )
  const results = await session.run(Object.fromEntries(feeds))
  await session.release()
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]))
}

/** The names and messages in a message of ONNX or TensorFlow, by field. */
function fieldsOf(bytes: Uint8Array, field: number): Uint8Array[] {
  const reader = new BinaryReader(bytes)
  const found: Uint8Array[] = []
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    if (number === field && type === WireType.LengthDelimited) found.push(reader.bytes())
    else reader.skip(type, number)
  }
  return found
}

/** The signatures of a SavedModel; nodes of the graph, separated by commas. */
function signaturesOf(savedModel: Uint8Array): { name: string; inputs: string; outputs: string }[] {
  const [metaGraph = new Uint8Array()] = fieldsOf(savedModel, 2)
  return fieldsOf(metaGraph, 5).map(signature => {
    const [ports = new Uint8Array()] = fieldsOf(signature, 2)
    const nodes = (field: number) =>
      fieldsOf(ports, field).map(port => texts(fieldsOf(port, 2)[0] as Uint8Array, 1)[0] as string)
    return { name: texts(signature, 1)[0] as string, inputs: nodes(1).join(','), outputs: nodes(2).join(',') }
  })
}

const texts = (bytes: Uint8Array, field: number) => fieldsOf(bytes, field).map(one => Buffer.from(one).toString())

describe.skipIf(skipped !== '')(`programs of networks${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))
  onnx.env.wasm.numThreads = 1

  test.each(Object.entries(SHAPES))(
    '%s: a SavedModel gives the images of the network for 1 and 5 codes',
    (_, options) => {
      const vae = newVae(options)
      const directory = temporaryFolder()
      const bytes = savedModelBytes(programsOf(vae))
      writeFileSync(join(directory, 'saved_model.pb'), bytes)
      const [serving, ...others] = signaturesOf(bytes)
      expect([serving, ...others].map(signature => signature?.name)).toEqual(['serving_default', 'decoder', 'encoder'])
      const model = binding.loadSavedModel(directory, 'serve')
      for (const count of [1, 5]) {
        const z = tf.tidy(() => normal(streamKey(2, 'z'), [count, 2]))
        const id = binding.createTensor([count, 2], 'float32', z.dataSync<'float32'>())
        const [mean] = binding.runSavedModel(model, [id], serving?.inputs ?? '', serving?.outputs ?? '')
        const expected = tf.tidy(() => decode(vae, z).mean)
        expect(mean?.shape).toEqual(expected.shape)
        const found = binding.tensorDataSync(mean?.id as number) as Float32Array
        for (const [i, value] of expected.dataSync().entries()) expect(found[i]).toBeCloseTo(value, 6)
      }
      binding.deleteSavedModel(model)
    },
  )

  test('the decoder of a conditional model takes codes and classes', async () => {
    const vae = newVae({ rows: 4, columns: 4, hidden: [5], latentDim: 2, activation: 'elu', classes: 3 })
    const programs = networkPrograms(vae)
    const directory = temporaryFolder()
    const bytes = savedModelBytes(programs)
    writeFileSync(join(directory, 'saved_model.pb'), bytes)
    const model = binding.loadSavedModel(directory, 'serve')
    const z = tf.tidy(() => normal(streamKey(2, 'z'), [2, 2]))
    const label = tf.tensor2d([0, 0, 1, 1, 0, 0], [2, 3])
    const ids = [z, label].map(one => binding.createTensor(one.shape, 'float32', one.dataSync<'float32'>()))
    const { inputs = '', outputs = '' } = signaturesOf(bytes)[0] ?? {}
    const [mean] = binding.runSavedModel(model, ids, inputs, outputs)
    const expected = tf.tidy(() => decode(givenClasses(vae, tf.tensor1d([2, 0])), z).mean).dataSync()
    expectClose(binding.tensorDataSync(mean?.id as number) as Float32Array, expected, 1e-6)
    binding.deleteSavedModel(model)
    const byOnnx = await runOnnx(programs.get('decoder') as Program, { z, label })
    expectClose(byOnnx.mean ?? [], expected, 1e-6)
  })

  test.each(Object.entries(SHAPES))('%s: onnxruntime gives the same for 1 and 5 rows', async (_, options) => {
    const vae = newVae(options)
    const programs = programsOf(vae)
    for (const count of [1, 5]) {
      const z = tf.tidy(() => normal(streamKey(2, 'z'), [count, 2]))
      const x = tf.tidy(() => tf.sigmoid(normal(streamKey(3, 'x'), [count, vae.pixels])))
      const { mean } = await runOnnx(programs.get('decoder') as Program, { z })
      expectClose(mean ?? [], tf.tidy(() => decode(vae, z).mean).dataSync(), 1e-6)
      const found = await runOnnx(programs.get('encoder') as Program, { x })
      const [mu, logVar] = tf.tidy(() => [...encode(vae, x).heads]) as [tf.Tensor, tf.Tensor]
      expectClose(found.mu ?? [], mu.dataSync(), 1e-6)
      expectClose(found.log_var ?? [], logVar.dataSync(), 1e-6)
    }
  })

  test('an ONNX model has the names of the program, a free first axis, and all weights', () => {
    const vae = newVae(SHAPES['convolutional, in colour'] as VaeOptions)
    const model = onnxBytes(programsOf(vae).get('decoder') as Program, 'decoder')
    const [graph = new Uint8Array()] = fieldsOf(model, 7)
    const [input = new Uint8Array(), ...others] = fieldsOf(graph, 11)
    expect([texts(input, 1), others.length]).toEqual([['z'], 0])
    expect(Buffer.from(input).includes('batch')).toBe(true)
    expect(fieldsOf(graph, 12).map(output => texts(output, 1)[0])).toEqual(['mean'])
    const operations = fieldsOf(graph, 1).map(node => texts(node, 4)[0])
    expect(operations.filter(name => name === 'ConvTranspose')).toHaveLength(3)
    expect(operations.filter(name => name === 'Conv')).toHaveLength(4)
    // Every input of a node is that of the model, a constant, or the result of an earlier node.
    const known = new Set(['z', ...fieldsOf(graph, 5).flatMap(tensor => texts(tensor, 8))])
    for (const node of fieldsOf(graph, 1)) {
      for (const name of texts(node, 1)) expect(known).toContain(name)
      for (const name of texts(node, 2)) known.add(name)
    }
  })

  test('variables are constants of the program, and only inputs are arguments', () => {
    const w = tf.variable(tf.tensor1d([1, 2, 3]))
    const lines = printProgram(programOfRows({ x: [3] }, ({ x }) => ({ y: tf.mul(x as tf.Tensor, w) }))).split('\n')
    expect(lines.filter(line => line.includes('argument'))).toEqual(['%0 = argument "x" : float32[-1,3]'])
    expect(lines.some(line => line.includes('constant [1, 2, 3] : float32[3]'))).toBe(true)
    w.dispose()
  })

  test('what depends on the number of images in another way is refused', () => {
    const scaled = ({ x }: Record<string, tf.Tensor>) => ({ y: tf.mul(x as tf.Tensor, 1 / (x?.shape[0] as number)) })
    expect(() => programOfRows({ x: [3] }, scaled as never)).toThrow(
      'no program for any number of rows: a tensor of constants',
    )
    const flat = ({ x }: Record<string, tf.Tensor>) => ({ y: tf.reshape(x as tf.Tensor, [-1]) })
    expect(() => programOfRows({ x: [3] }, flat as never)).toThrow('no program for any number of rows: an axis')
  })

  test('an operation that ONNX export does not know is named', () => {
    const program = programOfRows({ x: [3] }, ({ x }) => ({ y: tf.erf(x as tf.Tensor) }))
    expect(() => onnxBytes(program, 'erf')).toThrow('ONNX: the operation Erf of this model cannot be exported')
  })
})
