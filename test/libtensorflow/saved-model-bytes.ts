/** A SavedModel made by hand: y = 2 x + b for float32 vectors x, b of one length; signature serving_default, tag serve. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bytesField, intField } from '../../src/libtensorflow/protobuf.js'

const DT_FLOAT = 1
const text = (field: number, value: string) => bytesField(field, Buffer.from(value))
/** TensorShapeProto of a vector of unknown length: dim = 2 { size = 1 }. */
const vector = bytesField(2, intField(1, -1))

/** NodeDef: name = 1, op = 2, input = 3, attr = 5 { key = 1, value = 2 }. */
function node(name: string, op: string, inputs: readonly string[], attributes: Record<string, Uint8Array>): Uint8Array {
  const attrs = Object.entries(attributes).map(([key, value]) => bytesField(5, text(1, key), bytesField(2, value)))
  return bytesField(1, text(1, name), text(2, op), ...inputs.map(input => text(3, input)), ...attrs)
}

/** AttrValue: type = 6, shape = 7, tensor = 8. */
const type = intField(6, DT_FLOAT)
const placeholder = { dtype: type, shape: bytesField(7, vector) }
/** TensorProto: dtype = 1, tensor_shape = 2, tensor_content = 4. */
const two = bytesField(
  8,
  intField(1, DT_FLOAT),
  bytesField(2),
  bytesField(4, new Uint8Array(Float32Array.of(2).buffer)),
)

/** A map entry of SignatureDef: key = 1, value = 2 TensorInfo { name = 1, dtype = 2, tensor_shape = 3 }. */
function port(field: number, key: string, name: string): Uint8Array {
  const info = [text(1, name), intField(2, DT_FLOAT), bytesField(3, vector)]
  return bytesField(field, text(1, key), bytesField(2, ...info))
}

/** Writes the model to `directory`, which is made. */
export function writeSavedModel(directory: string): void {
  const graph = bytesField(
    2,
    node('x', 'Placeholder', [], placeholder),
    node('b', 'Placeholder', [], placeholder),
    node('two', 'Const', [], { dtype: type, value: two }),
    node('twice', 'Mul', ['x', 'two'], { T: type }),
    node('y', 'Add', ['twice', 'b'], { T: type }),
    bytesField(4, intField(1, 1087)),
  )
  const signature = [
    port(1, 'x', 'x:0'),
    port(1, 'b', 'b:0'),
    port(2, 'y', 'y:0'),
    text(3, 'tensorflow/serving/predict'),
  ]
  const signatures = bytesField(5, text(1, 'serving_default'), bytesField(2, ...signature))
  const metaGraph = bytesField(2, bytesField(1, text(4, 'serve')), graph, signatures)
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'saved_model.pb'), Buffer.concat([intField(1, 1), metaGraph]))
}
