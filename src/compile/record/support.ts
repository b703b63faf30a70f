/** The operations and element types that compiled steps support. */

import { ALL_REDUCE } from '../../collectives/all-reduce.js'
import { DTYPES, dtypeName } from '../../libtensorflow/dtypes.js'
import type { OpDefinition } from '../../libtensorflow/op-definitions.js'
import { CompileRefusal, callSite, noiseOf } from '../refusal.js'

const SUPPORTED_DTYPES: readonly number[] = [DTYPES.TF_FLOAT, DTYPES.TF_INT32, DTYPES.TF_BOOL, DTYPES.TF_COMPLEX64]

/** Operations whose output shape depends on values. */
const SHAPE_FROM_VALUES =
  /^(Where|Unique\w*|ListDiff|DynamicPartition|NonMaxSuppression\w*|Ragged\w*|SparseFillEmptyRows|SparseReshape)$/
/** Operations that draw noise without a key. */
const OWN_NOISE = /^(Multinomial|Random(StandardNormal|Uniform|UniformInt|Gamma|Shuffle)|TruncatedNormal)$/

/** Throws a CompileRefusal unless an operation with `outputs` results can be part of a compiled step. */
export function requireCompilable(
  op: string,
  definition: OpDefinition | undefined,
  outputs: number,
  site: Error,
): asserts definition is OpDefinition {
  if (SHAPE_FROM_VALUES.test(op))
    throw new CompileRefusal(`the output shape of ${op} depends on values`, 'use masks of fixed shapes', callSite(site))
  if (definition === undefined)
    throw new CompileRefusal(`TensorFlow has no operation ${op}`, 'use another one', callSite(site))
  if (OWN_NOISE.test(op))
    throw new CompileRefusal(
      `${op} draws noise without a key`,
      "make noise from the step's key",
      callSite(site),
      noiseOf(site)?.instead ?? 'uniform(key, [128, 20])',
    )
  if (outputs === 0)
    throw new CompileRefusal(`${op} has no result, only a side effect`, 'move it out of the step', callSite(site))
  if (definition.stateful && op !== ALL_REDUCE)
    throw new CompileRefusal(`${op} has a side effect`, 'move it out of the step', callSite(site))
}

/** Throws a CompileRefusal unless compiled steps support this element type; `what` begins the message, such as `Where returns`. */
export function requireSupportedType(dtype: number, what: string, site: Error): void {
  if (SUPPORTED_DTYPES.includes(dtype)) return
  const known = SUPPORTED_DTYPES.map(dtypeName).join(', ')
  throw new CompileRefusal(`${what} a tensor of ${dtypeName(dtype)}`, `use one of ${known}`, callSite(site))
}

/** Throws a CompileRefusal unless an output of this TF.js element type can be read as float32. */
export function requireReadable(name: string, dtype: string): void {
  if (dtype !== 'complex64') return
  throw new CompileRefusal(`its output "${name}" is complex64`, 'return tf.real and tf.imag of it')
}
