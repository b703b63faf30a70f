/** `While`, TensorFlow's loop: two functions, by name, over values that keep their types. */
import { ATTRIBUTE_TYPES } from '../libtensorflow/attributes.js'
import type { Builder } from './builder.js'
import { FUNCTION_ATTRIBUTE } from './graphdef.js'
import type { Value } from './program.js'

/** Adds a loop that begins with the values `start`; returns the values with which it ends. */
export function loop(builder: Builder, condition: string, body: string, start: readonly Value[]): Value[] {
  const { TF_ATTR_TYPE, TF_ATTR_SHAPE, TF_ATTR_INT } = ATTRIBUTE_TYPES
  const types = start.map(value => builder.typeOf(value))
  const attributes = [
    { name: 'T', type: TF_ATTR_TYPE, value: types.map(({ dtype }) => dtype) },
    { name: 'output_shapes', type: TF_ATTR_SHAPE, value: types.map(({ shape }) => shape) },
    { name: 'cond', type: FUNCTION_ATTRIBUTE, value: condition },
    { name: 'body', type: FUNCTION_ATTRIBUTE, value: body },
    { name: 'parallel_iterations', type: TF_ATTR_INT, value: 1 },
  ]
  return builder.operation('While', attributes, start, types)
}
