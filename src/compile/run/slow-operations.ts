/** The operations that XLA computes slowly on CPUs in the body of a loop, where it does not use its library of fast kernels. */
import { canonicalConvolutions } from '../passes/convolutions.js'
import type { Program } from '../program/program.js'

/**
 * Convolutions other than plain ones become loops over scalars, many times slower than TensorFlow's own kernels. XLA computes bilinear
 * resizing as one of them.
 */
const SLOW = /^(Conv3D\w*|DepthwiseConv2dNative\w*|Conv2DBackprop(Input|Filter)|ResizeBilinear(Grad)?)$/

/** The first operation of a step's program that XLA computes slowly; undefined if there is none. */
export function slowInLoops(program: Program): string | undefined {
  const ops = canonicalConvolutions(program).nodes.flatMap(node => (node.kind === 'operation' ? node.op : []))
  return ops.find(op => SLOW.test(op))
}
