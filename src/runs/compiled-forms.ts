/** The compiled steps and bounds of a learner whose program can change between passes. */
import { type Scan, scan } from '../compile/scan.js'
import type { Choice, ScanOptions } from '../compile/step.js'
import type { Bounds } from '../evaluation/bound.js'
import type { Schedule } from '../inference/algorithm.js'
import type { Learner } from '../methods/method.js'

export interface CompiledForms {
  steps(): Scan<Schedule>
  bounds(): Bounds
  /** After the first steps: how all others run; undefined from the second call on. */
  settleMode(): Choice | undefined
  /** Frees what was compiled, then `owned`; if a call is in flight, as soon as it has ended. */
  dispose(...owned: readonly { dispose(): void }[]): void
}

interface Form {
  steps: Scan<Schedule>
  bounds?: Bounds
}

/** A learner's steps and bounds, compiled once for each of its forms. The precision is that of the steps; bounds are float32. */
export function compiledForms(learner: Learner, { precision, ...start }: ScanOptions): CompiledForms {
  const forms = new Map<string, Form>()
  let settled: Choice | undefined
  const current = () => {
    const name = learner.form?.() ?? ''
    const known = forms.get(name)
    if (known) return known
    // A form that belongs to a pass does not come back.
    if (learner.startPass) free()
    const form: Form = { steps: scan<Schedule>(learner.step, { ...(settled ?? start), precision }) }
    forms.set(name, form)
    return form
  }
  const free = () => {
    for (const { steps, bounds } of forms.values()) for (const compiled of [steps, bounds]) compiled?.dispose()
    forms.clear()
  }
  return {
    steps: () => current().steps,
    bounds() {
      const form = current()
      form.bounds ??= learner.bounds(settled as Choice)
      return form.bounds
    },
    settleMode() {
      if (settled) return undefined
      settled = current().steps.choice as Choice
      return settled
    },
    dispose(...owned) {
      const last = current()
      for (const form of forms.values()) {
        form.bounds?.dispose()
        if (form !== last) form.steps.dispose()
      }
      last.steps.dispose(...owned)
    },
  }
}
