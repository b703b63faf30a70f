/** The state that a step may change: every registered `tf.Variable`. */
import * as tf from '#tfjs'
import { ATTRIBUTE_TYPES } from '../../libtensorflow/attributes.js'
import { dtypeNumber } from '../../libtensorflow/dtypes.js'
import type { NodeBackend } from '../../libtensorflow/node-backend.js'

/** The saved values of all variables, which can be restored once. */
export interface SavedState {
  /** Restores the values and frees the copies. Variables created since get their initial values. */
  restore(): void
  /** Variables created since. */
  readonly created: readonly tf.Variable[]
}

/** Saves the values of all variables, and the initial values of variables created later. */
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

/** Gives each variable its own tensor. TF.js lets variables share one, and a recorder could not tell them apart. */
export function separateVariables(backend: NodeBackend): void {
  for (const variable of registeredVariables()) {
    const type = { name: 'T', type: ATTRIBUTE_TYPES.TF_ATTR_TYPE, value: dtypeNumber(variable.dtype) }
    const copy = backend.executeSingleOutput('Identity', [type], [variable])
    variable.assign(copy)
    copy.dispose()
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
