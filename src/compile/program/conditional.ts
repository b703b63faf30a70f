/** TensorFlow's `StatelessIf`: one of two functions, given by name, by a predicate that is known when the program runs. */
import { ATTRIBUTE_TYPES } from '../../libtensorflow/attributes.js'
import { DTYPES } from '../../libtensorflow/dtypes.js'
import type { Builder } from './builder.js'
import { FUNCTION_ATTRIBUTE } from './graphdef.js'
import { typeAttribute } from './operations.js'
import type { TensorType, Value } from './program.js'

/** Adds a conditional; both functions take `inputs` and return results of `types`. `predicate` is a boolean scalar. */
export function conditional(
  builder: Builder,
  predicate: Value,
  [then, otherwise]: readonly [string, string],
  inputs: readonly Value[],
  types: readonly TensorType[],
): Value[] {
  const { TF_ATTR_TYPE, TF_ATTR_SHAPE } = ATTRIBUTE_TYPES
  const attributes = [
    typeAttribute('Tcond', DTYPES.TF_BOOL),
    { name: 'Tin', type: TF_ATTR_TYPE, value: inputs.map(input => builder.typeOf(input).dtype) },
    { name: 'Tout', type: TF_ATTR_TYPE, value: types.map(({ dtype }) => dtype) },
    { name: 'then_branch', type: FUNCTION_ATTRIBUTE, value: then },
    { name: 'else_branch', type: FUNCTION_ATTRIBUTE, value: otherwise },
    { name: 'output_shapes', type: TF_ATTR_SHAPE, value: types.map(({ shape }) => shape) },
  ]
  return builder.operation('StatelessIf', attributes, [predicate, ...inputs], types)
}
