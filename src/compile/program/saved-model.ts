/**
 * Programs as a TensorFlow SavedModel (tensorflow/core/protobuf/saved_model.proto, meta_graph.proto): one graph with a signature for each
 * program, whose weights are constants, so that one file is all of it.
 */
import { bytesField, intField, textField } from '../../libtensorflow/protobuf.js'
import { newBuilder } from './builder.js'
import { shapeProto, toGraph } from './graphdef.js'
import { type Program, type TensorType, typeOf, type Value } from './program.js'

/** A tensor of the graph that a signature names. */
interface Port {
  /** Its name in the signature. */
  key: string
  /** Its node. */
  node: string
  type: TensorType
}

/** The most that a protocol buffer holds, in bytes. */
const MOST_BYTES = 2 ** 31 - 1

/**
 * The bytes of `saved_model.pb`. The signatures have the names of the programs; the first one is also `serving_default`. Throws an Error if
 * they are more than a protocol buffer holds.
 */
export function savedModelBytes(programs: ReadonlyMap<string, Program>): Uint8Array {
  const builder = newBuilder()
  const results = new Map<string, Value>()
  for (const [name, program] of programs) {
    const replacements = new Map(
      argumentsOf(program).map(([key, type]) => [key, builder.argument(`${name}/${key}`, type)] as const),
    )
    for (const [key, value] of builder.inline(program, replacements)) results.set(`${name}/${key}`, value)
  }
  const whole = builder.build(results)
  const { bytes: graph, inputs, outputs } = toGraph(whole)
  const ends = {
    inputs: argumentsOf(whole).map(([name, type], i): Port => ({ key: name, node: inputs[i] as string, type })),
    outputs: [...whole.results].map(
      ([name, value], i): Port => ({ key: name, node: outputs[i] as string, type: typeOf(whole, value) }),
    ),
  }
  const names = [...programs.keys()]
  const signatures = [['serving_default', names[0] as string], ...names.map(name => [name, name])].map(
    ([shown, name]) => bytesField(5, textField(1, shown as string), bytesField(2, signatureDef(name as string, ends))),
  )
  // MetaGraphDef: meta_info_def = 1 { tags = 4 }, graph_def = 2, signature_def = 5
  const metaGraph = bytesField(2, bytesField(1, textField(4, 'serve')), bytesField(2, graph), ...signatures)
  const bytes = Buffer.concat([intField(1, 1), metaGraph])
  if (bytes.length > MOST_BYTES)
    throw new Error(`SavedModel: ${bytes.length} bytes are more than the ${MOST_BYTES} of its format`)
  return bytes
}

const argumentsOf = ({ nodes }: Program): [name: string, type: TensorType][] =>
  nodes.flatMap(node => (node.kind === 'argument' ? [[node.name, node.types[0]] as [string, TensorType]] : []))

/** SignatureDef: inputs = 1, outputs = 2, method_name = 3. */
function signatureDef(
  name: string,
  { inputs, outputs }: { inputs: readonly Port[]; outputs: readonly Port[] },
): Uint8Array {
  const own = (field: number, ports: readonly Port[]) =>
    ports
      .filter(({ key }) => key.startsWith(`${name}/`))
      .map(port => bytesField(field, textField(1, port.key.slice(name.length + 1)), bytesField(2, tensorInfo(port))))
  return Buffer.concat([...own(1, inputs), ...own(2, outputs), textField(3, 'tensorflow/serving/predict')])
}

/** TensorInfo: name = 1, dtype = 2, tensor_shape = 3. */
const tensorInfo = ({ node, type: { dtype, shape } }: Port): Uint8Array =>
  Buffer.concat([textField(1, `${node}:0`), intField(2, dtype), bytesField(3, shapeProto(shape))])
