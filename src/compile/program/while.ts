/** TensorFlow's `While`: a loop over values of fixed types, given two functions by name. */
import { ATTRIBUTE_TYPES } from '../../libtensorflow/attributes.js'
import type { Builder } from './builder.js'
import { FUNCTION_ATTRIBUTE } from './graphdef.js'
import { intAttribute } from './operations.js'
import type { Value } from './program.js'

/** Adds a loop with the initial values `start`; returns the final values. */
export function whileLoop(builder: Builder, condition: string, body: string, start: readonly Value[]): Value[] {
  const { TF_ATTR_TYPE, TF_ATTR_SHAPE } = ATTRIBUTE_TYPES
  const types = start.map(value => builder.typeOf(value))
  const attributes = [
    { name: 'T', type: TF_ATTR_TYPE, value: types.map(({ dtype }) => dtype) },
    { name: 'output_shapes', type: TF_ATTR_SHAPE, value: types.map(({ shape }) => shape) },
    { name: 'cond', type: FUNCTION_ATTRIBUTE, value: condition },
    { name: 'body', type: FUNCTION_ATTRIBUTE, value: body },
    intAttribute('parallel_iterations', 1),
  ]
  return builder.operation('While', attributes, start, types)
}
