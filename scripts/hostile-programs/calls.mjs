// The calls of hostile programs, by name. Each draws its arguments, describes them, and returns a result or throws.
import * as tf from '@tensorflow/tfjs'
import { openBackend } from '../../dist/backends/candidates.js'
import { scan } from '../../dist/compile/scan.js'

/** Operations that TF.js's kernels run, and names that no operation has. */
const OPERATIONS = [
  ...['AddV2', 'MatMul', 'Reshape', 'Fill', 'GatherV2', 'Conv2D', 'Concat', 'ConcatV2', 'Pack', 'Split', 'SplitV'],
  ...[
    'Transpose',
    'Sum',
    'Max',
    'ArgMax',
    'Cumsum',
    'OneHot',
    'Slice',
    'StridedSlice',
    'Pad',
    'Tile',
    'Range',
    'Where',
  ],
  ...['ScatterNd', 'GatherNd', 'UnsortedSegmentSum', 'TopKV2', 'Bincount', 'SparseToDense', 'Select', 'Cast', 'RFFT'],
  ...['', 'matmul', 'NoSuchOp', 'While', 'StatefulPartitionedCall', 'x'.repeat(1e5), undefined, null, 7, {}],
]
const ATTRIBUTES = ['T', 'DstT', 'SrcT', 'N', 'axis', 'transpose_a', 'Tidx', 'Tindices', 'shape', 'strides', 'padding']

/** A tensor; its values are right, and its shape is small or was refused. */
function tensor(random) {
  const shape = random.times(random.chance(0.05) ? 8 : random.pick([0, 1, 2, 2, 3, 4]), () => random.pick([0, 1, 2, 3]))
  const dtype = random.pick(['float32', 'float32', 'int32', 'bool'])
  const count = shape.reduce((product, size) => product * size, 1)
  return tf.tensor(
    random.numbers(count).map(value => (dtype === 'float32' ? value : Math.trunc(value) % 5 || 0)),
    shape.length > 6 ? [count] : shape,
    dtype,
  )
}

/** A call of a function of TF.js, whose arguments `draw` draws. */
const ofTensorFlow = (name, draw) => [
  `tf.${name}`,
  (random, _, describe) => {
    const f = name.split('.').reduce((object, key) => object[key], tf)
    return f(...describe(...draw(random)))
  },
]

const onTensorFlow = Object.fromEntries([
  ofTensorFlow('zeros', r => [r.shape(), r.dtype()]),
  ofTensorFlow('ones', r => [r.shape(), r.dtype()]),
  ofTensorFlow('fill', r => [r.shape(), r.number(), r.dtype()]),
  ofTensorFlow('tensor', r => [r.chance(0.3) ? r.wrong() : r.numbers(r.pick([0, 1, 6])), r.shape(), r.dtype()]),
  ofTensorFlow('eye', r => [r.pick([0, 1, 5, -1, 0.5, Number.NaN])]),
  ofTensorFlow('range', r => [r.number(), r.pick([0, 5, -5]), r.pick([1, -1, 0, Number.NaN])]),
  ofTensorFlow('linspace', r => [r.number(), r.number(), r.pick([0, 1, 5, -1, Number.NaN])]),
  ofTensorFlow('reshape', r => [tensor(r), r.shape()]),
  ofTensorFlow('transpose', r => [tensor(r), r.chance(0.5) ? r.times(r.rank(), r.axis) : undefined]),
  ofTensorFlow('gather', r => [tensor(r), tensor(r), r.axis(), r.axis()]),
  ofTensorFlow('gatherND', r => [tensor(r), tensor(r)]),
  ofTensorFlow('scatterND', r => [tensor(r), tensor(r), r.shape()]),
  ofTensorFlow('tensorScatterUpdate', r => [tensor(r), tensor(r), tensor(r)]),
  ofTensorFlow('unsortedSegmentSum', r => [tensor(r), tensor(r), r.size()]),
  ofTensorFlow('oneHot', r => [tensor(r), r.pick([0, 1, 4, -1, 0.5, Number.NaN]), r.number(), r.number()]),
  ofTensorFlow('slice', r => [tensor(r), r.times(r.rank(), r.axis), r.times(r.rank(), r.size)]),
  ofTensorFlow('stridedSlice', r => {
    const [rank, x] = [r.pick(RANKS), tensor(r)]
    return [x, r.times(rank, r.axis), r.times(rank, r.axis), r.times(rank, r.axis), r.axis(), r.axis(), r.axis()]
  }),
  ofTensorFlow('pad', r => [tensor(r), r.times(r.pick(RANKS), () => [r.axis(), r.axis()]), r.number()]),
  ofTensorFlow('tile', r => [tensor(r), r.times(r.pick(RANKS), () => r.pick([0, 1, 2, -1, Number.NaN]))]),
  ofTensorFlow('concat', r => [r.times(r.pick([0, 1, 2]), () => tensor(r)), r.axis()]),
  ofTensorFlow('stack', r => [r.times(r.pick([0, 1, 2]), () => tensor(r)), r.axis()]),
  ofTensorFlow('split', r => [tensor(r), r.chance(0.5) ? r.size() : r.times(3, r.axis), r.axis()]),
  ofTensorFlow('unstack', r => [tensor(r), r.axis()]),
  ofTensorFlow('expandDims', r => [tensor(r), r.axis()]),
  ofTensorFlow('squeeze', r => [tensor(r), [r.axis()]]),
  ofTensorFlow('matMul', r => [tensor(r), tensor(r), r.chance(0.5), r.chance(0.5)]),
  ofTensorFlow('add', r => [tensor(r), r.chance(0.3) ? r.wrong() : tensor(r)]),
  ofTensorFlow('where', r => [tensor(r), tensor(r), tensor(r)]),
  ofTensorFlow('cumsum', r => [tensor(r), r.axis(), r.chance(0.5), r.chance(0.5)]),
  ofTensorFlow('reverse', r => [tensor(r), r.axis()]),
  ofTensorFlow('argMax', r => [tensor(r), r.axis()]),
  ofTensorFlow('sum', r => [tensor(r), r.axis()]),
  ofTensorFlow('cast', r => [tensor(r), r.dtype()]),
  ofTensorFlow('bincount', r => [tensor(r), tensor(r), r.pick([0, 5, -1, Number.NaN])]),
  ofTensorFlow('conv2d', r => [tensor(r), tensor(r), r.axis(), r.pick(['same', 'valid', 'no', 1, undefined])]),
  ofTensorFlow('maxPool', r => [tensor(r), r.axis(), r.axis(), r.pick(['same', 'valid', 'no'])]),
  ofTensorFlow('image.resizeBilinear', r => [tensor(r), [r.pick([0, 1, 5, -1]), r.pick([0, 1, 5, Number.NaN])]]),
  ofTensorFlow('spectral.rfft', r => [tensor(r), r.axis()]),
])

const RANKS = [0, 1, 2, 3, 9]

function attribute(random) {
  const value = random.pick([1, 3, -1, 'SAME', true, [1, 1, 1, 1], [[1], [2]], [], 1.5, 'VALID', random.wrong()])
  return {
    name: random.chance(0.1) ? random.wrong() : random.pick(ATTRIBUTES),
    type: random.pick([0, 1, 2, 3, 4, 5, 9]),
    value,
  }
}

/** The ids of tensors of the binding, or what is none. */
function ids(random, binding) {
  return random.times(random.pick([0, 1, 2, 2, 3]), () => {
    if (random.chance(0.1)) return random.wrong()
    const values = Float32Array.from([1, 2, 3, 4])
    return binding.createTensor(random.pick([[4], [2, 2], [1, 4, 1]]), 'float32', values)
  })
}

const onBinding = {
  createTensor(random, { binding }, describe) {
    const values = random.pick([
      random.numbers(6),
      new Float32Array(6),
      new Int32Array(6),
      new Uint8Array(1),
      random.wrong(),
    ])
    const id = binding.createTensor(...describe(random.shape(), random.dtype(), values))
    return binding.tensorDataSync(id)
  },
  executeOp(random, { binding }, describe) {
    const attributes = random.times(random.pick([0, 1, 2, 3]), () => attribute(random))
    const count = random.pick([0, 1, 1, 1, 2, 7, -1, Number.NaN, 1.5])
    const results = binding.executeOp(...describe(random.pick(OPERATIONS), attributes, ids(random, binding), count))
    return results.map(({ id }) => binding.tensorDataSync(id))
  },
  deleteTensor: (random, { binding }, describe) => binding.deleteTensor(...describe(random.wrong())),
  tensorData: (random, { binding }, describe) => binding.tensorData(...describe(random.wrong())),
  deviceOf: (random, { binding }, describe) => binding.deviceOf(...describe(random.wrong())),
  loadSavedModel(random, { binding, folder }, describe) {
    const directory = random.pick([folder, random.wrong()])
    return binding.loadSavedModel(...describe(directory, random.pick(['serve', '', random.wrong()])))
  },
  runSavedModel: (random, { binding }, describe) =>
    binding.runSavedModel(...describe(random.wrong(), ids(random, binding), 'x', 'y')),
  async define(random, { binding }, describe) {
    const functions = binding.openFunctions()
    try {
      const bytes = random.pick([new Uint8Array(0), Uint8Array.from(random.times(40, () => 256 * random.uniform()))])
      const names = random.pick([[], ['x'], ['x:-1'], ['x:9999999999'], random.wrong()])
      const name = random.chance(0.3) ? random.wrong() : 'f'
      const graph = { bytes: random.chance(0.2) ? random.wrong() : bytes, inputs: names, outputs: names }
      functions.define(...describe(name, graph))
      await functions.run(name, [], ids(random, binding), 1)
    } finally {
      functions.dispose()
    }
  },
  async run(random, { binding }, describe) {
    const functions = binding.openFunctions()
    try {
      const count = random.pick([0, 1, 3, -1, Number.NaN])
      return await functions.run(...describe(random.pick(OPERATIONS), [attribute(random)], ids(random, binding), count))
    } finally {
      functions.dispose()
    }
  },
}

/** Steps that do what they should not. */
const STEPS = [
  x => ({ sum: tf.sum(x) }),
  x => ({ product: tf.matMul(x, x, false, true) }),
  x => ({ value: tf.scalar(x.dataSync()[0]) }),
  x => {
    x.dispose()
    return { disposed: x }
  },
  x => ({ none: undefined, x }),
  x => ({ gathered: tf.gather(x, tf.tensor1d([0, 99], 'int32')) }),
  x => ({ reshaped: tf.reshape(x, [-1, 7]) }),
  x => ({ deep: tf.reshape(x, Array(250).fill(1).concat(x.shape)) }),
  (x, _, { rate }) => ({ scaled: tf.mul(x, rate) }),
  () => ({}),
  async x => ({ x }),
  () => {
    throw new Error('the step throws')
  },
  null,
  'step',
]

/** Two keys, or what are none. */
const keysOf = random =>
  random.chance(0.8)
    ? [
        [1, 2],
        [3, 4],
      ]
    : random.pick([[[1, 2]], [[-1, 0], [1]], random.wrong()])

/** The inputs of two steps, or what are none. */
function inputsOf(random) {
  if (random.chance(0.1))
    return random.pick([3, tf.ones([2, 2, 3]), [{ data: new Float32Array(6), shape: [2, 3] }], random.wrong()])
  const shape = random.chance(0.8) ? [2, 2, 3] : random.shape()
  const data = random.chance(0.8) ? new Float32Array(12).fill(0.5) : random.pick([new Float64Array(12), random.wrong()])
  return { data, shape, ...(random.chance(0.2) && { dtype: random.dtype() }) }
}

async function scanned(random, _, describe) {
  const mode = random.pick(['graph', 'graph', 'graph', 'xla', 'off', random.wrong()])
  const [step, options] = describe(random.pick(STEPS), random.chance(0.1) ? random.wrong() : { mode })
  const runner = scan(step, options ?? undefined)
  try {
    const rates = random.chance(0.8)
      ? [{ rate: 1 }, { rate: 2 }]
      : random.pick([[{}, {}], [{ rate: 'x' }], random.wrong()])
    const call = describe(
      inputsOf(random),
      random.chance(0.1) ? random.wrong() : { keys: keysOf(random), schedules: rates },
    )
    const runs = [runner.run(...call), ...(random.chance(0.2) ? [runner.run(...call)] : [])]
    if (random.chance(0.1)) runner.dispose()
    await Promise.all(runs)
  } finally {
    runner.dispose()
    if (random.chance(0.5)) runner.dispose()
  }
}

async function opened(random, _, describe) {
  const name = random.pick(['tensorflow', 'auto', 'cpu', 'no', '', undefined, null, 3, {}])
  const options = random.pick([
    { debug: false, threads: 999 },
    { threads: -1 },
    { threads: Number.NaN },
    undefined,
    null,
    7,
    {},
  ])
  try {
    await openBackend(...describe(name, options))
  } finally {
    await tf.setBackend('tensorflow')
  }
}

async function setBackend(random, _, describe) {
  try {
    await tf.setBackend(...describe(random.pick(['', 'no', undefined, 'cpu', 'tensorflow'])))
  } finally {
    await tf.setBackend('tensorflow')
  }
}

async function manyReads(random, _, describe) {
  const [count] = describe(random.pick([257, 1000]))
  const tensors = Array.from({ length: count }, (_, i) => tf.add(tf.scalar(i), 1))
  const reads = tensors.map(one => one.data())
  if (random.chance(0.5)) tf.dispose(tensors)
  const values = await Promise.all(reads)
  if (values.some(([value], i) => value !== i + 1)) process.abort()
}

const disposed = (random, _, describe) => {
  const [x] = describe(tensor(random))
  x.dispose()
  return random.pick([() => tf.neg(x), () => x.dataSync(), () => x.data(), () => tf.backend().disposeData(x.dataId)])()
}

export const calls = {
  ...onTensorFlow,
  ...onBinding,
  scan: scanned,
  scanAgain: scanned,
  scanOnceMore: scanned,
  openBackend: opened,
  setBackend,
  manyReads,
  disposed,
}
