// Networks as programs for any number of images: SavedModels that TensorFlow runs, ONNX models, and what has no such program.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { onnxBytes } from '../../src/compile/program/onnx.js'
import { type Program, printProgram } from '../../src/compile/program/program.js'
import { savedModelBytes } from '../../src/compile/program/saved-model.js'
import { programOfRows } from '../../src/compile/record/any-rows.js'
import { createVae, decode, encode, initialize, type Vae, type VaeOptions } from '../../src/models/vae.js'
import { normal, streamKey } from '../../src/random.js'
import { binding } from '../libtensorflow/binding.js'
import { useBackend } from '../support/backend.js'
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

const texts = (bytes: Uint8Array, field: number) => fieldsOf(bytes, field).map(one => Buffer.from(one).toString())

describe.skipIf(skipped !== '')(`programs of networks${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))

  test.each(Object.entries(SHAPES))(
    '%s: a SavedModel gives the images of the network for 1 and 5 codes',
    (_, options) => {
      const vae = newVae(options)
      const directory = temporaryFolder()
      const bytes = savedModelBytes(programsOf(vae))
      writeFileSync(join(directory, 'saved_model.pb'), bytes)
      const [metaGraph = new Uint8Array()] = fieldsOf(bytes, 2)
      const signatures = fieldsOf(metaGraph, 5)
      expect(signatures.map(signature => texts(signature, 1)[0])).toEqual(['serving_default', 'decoder', 'encoder'])
      const [serving = new Uint8Array()] = fieldsOf(signatures[0] as Uint8Array, 2)
      const nodeOf = (field: number) => {
        const [port = new Uint8Array()] = fieldsOf(serving, field)
        return texts(fieldsOf(port, 2)[0] as Uint8Array, 1)[0] as string
      }
      const model = binding.loadSavedModel(directory, 'serve')
      for (const count of [1, 5]) {
        const z = tf.tidy(() => normal(streamKey(2, 'z'), [count, 2]))
        const id = binding.createTensor([count, 2], 'float32', z.dataSync<'float32'>())
        const [mean] = binding.runSavedModel(model, [id], nodeOf(1), nodeOf(2))
        const expected = tf.tidy(() => decode(vae, z).mean)
        expect(mean?.shape).toEqual(expected.shape)
        const found = binding.tensorDataSync(mean?.id as number) as Float32Array
        for (const [i, value] of expected.dataSync().entries()) expect(found[i]).toBeCloseTo(value, 6)
      }
      binding.deleteSavedModel(model)
    },
  )

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
