/** The state that a step may change: every registered `tf.Variable`. */
import * as tf from '@tensorflow/tfjs'
import { ATTRIBUTE_TYPES } from '../../libtensorflow/attributes.js'
import { dtypeNumber } from '../../libtensorflow/dtypes.js'
import type { NodeBackend } from '../../libtensorflow/node-backend.js'

/** Values of variables, to be put back once. */
export interface SavedState {
  /** Puts the values back and frees what was kept; variables created since get the values that they were created with. */
  restore(): void
  /** Variables created since. */
  readonly created: readonly tf.Variable[]
}

/** Saves the values of all variables, and from then on those that new variables are created with. */
export function saveState(): SavedState {
  const saved = new Map<tf.Variable, tf.Tensor>()
  const save = (variable: tf.Variable) => saved.set(variable, tf.keep(tf.clone(variable)))
  for (const variable of registeredVariables()) save(variable)
  const created: tf.Variable[] = []
  const stopWatching = watchCreation(variable => {
    created.push(variable)
    save(variable)
  })
  return {
    created,
    restore() {
      stopWatching()
      for (const [variable, value] of saved) {
        if (!variable.isDisposed) variable.assign(value)
        value.dispose()
      }
    },
  }
}

/** Every variable that TF.js knows. */
export function registeredVariables(): tf.Variable[] {
  return Object.values(tf.engine().registeredVariables)
}

/** Gives each variable a tensor of its own: TF.js lets variables share one, and a recorder could not tell them apart. */
export function separateVariables(backend: NodeBackend): void {
  for (const variable of registeredVariables()) {
    const type = { name: 'T', type: ATTRIBUTE_TYPES.TF_ATTR_TYPE, value: dtypeNumber(variable.dtype) }
    const own = backend.executeSingleOutput('Identity', [type], [variable])
    variable.assign(own)
    own.dispose()
  }
}

function watchCreation(onCreate: (variable: tf.Variable) => void): () => void {
  const engine = tf.engine()
  const original = engine.makeVariable
  engine.makeVariable = (...args) => {
    const variable = original.apply(engine, args)
    onCreate(variable)
    return variable
  }
  return () => {
    engine.makeVariable = original
  }
}
