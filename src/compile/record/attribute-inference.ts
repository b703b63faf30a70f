/** Attributes that eager TensorFlow infers from an operation's inputs; a graph must state them. */
import type { Attribute } from '../../libtensorflow/attributes.js'
import type { OpDefinition } from '../../libtensorflow/op-definitions.js'
import { typeAttribute } from '../program/operations.js'

/**
 * Adds to `given` the element types that follow from `dtypes`, the types of the inputs. Where the two differ, the inputs win, as in
 * TensorFlow (`EagerOperation::MaybeInferSingleInputAttrs`): tfjs-node's `Mean` of integers casts them to float32 but states int32.
 * Inference stops at the first input that is a list.
 */
export function inferAttributes(
  { inputs }: OpDefinition,
  given: readonly Attribute[],
  dtypes: readonly number[],
): readonly Attribute[] {
  const firstList = inputs.findIndex(({ isList }) => isList)
  const single = firstList < 0 ? inputs : inputs.slice(0, firstList)
  const inferred = new Map<string, Attribute>()
  single.forEach(({ typeAttribute: name }, i) => {
    const dtype = dtypes[i]
    if (name !== '' && dtype !== undefined && !inferred.has(name)) inferred.set(name, typeAttribute(name, dtype))
  })
  const missing = [...inferred.values()].filter(({ name }) => !given.some(attribute => attribute.name === name))
  return [...given.map(attribute => inferred.get(attribute.name) ?? attribute), ...missing]
}
