/** Replaces kernels that a TF.js backend computes wrongly. */
import * as tf from '#tfjs'

/** Replaces a backend's kernel by what `correct` makes of it. */
export function correctKernel(
  kernelName: string,
  backendName: string,
  correct: (kernel: tf.KernelFunc) => tf.KernelFunc,
): void {
  const kernel = tf.getKernel(kernelName, backendName)
  tf.unregisterKernel(kernelName, backendName)
  tf.registerKernel({ ...kernel, kernelFunc: correct(kernel.kernelFunc) })
}

/** Replaces the gradient of a kernel, on every backend, by what `correct` makes of it. */
export function correctGradient(kernelName: string, correct: (gradient: tf.GradFunc) => tf.GradFunc): void {
  const gradient = tf.getGradient(kernelName)
  tf.unregisterGradient(kernelName)
  tf.registerGradient({ ...gradient, gradFunc: correct(gradient.gradFunc) })
}

const done = new Set<string>()

/** Corrects what `name` names, unless that was done before in this process. */
export function correctOnce(name: string, correct: () => void): void {
  if (done.has(name)) return
  done.add(name)
  correct()
}
