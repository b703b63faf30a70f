/** Rules about settings that do not go together: each refusal says what was asked for and what would be right. */
import { kebabCase } from './setting.js'

/** Why settings do not go together; undefined if they do. `defaults` tells what was asked for from what was not. */
export type Rule<C> = (config: C, defaults: C) => string | undefined

/** The first rule that the settings break, in one line. */
export function firstConflict<C>(rules: readonly Rule<C>[], config: C, defaults: C): string | undefined {
  for (const rule of rules) {
    const conflict = rule(config, defaults)
    if (conflict !== undefined) return conflict
  }
  return undefined
}

/** Refuses settings that another one makes the run ignore. */
export const idle =
  <C>(names: readonly (keyof C & string)[], applies: (config: C) => boolean, why: (config: C) => string): Rule<C> =>
  (config, defaults) => {
    if (!applies(config)) return undefined
    const name = names.find(one => JSON.stringify(config[one]) !== JSON.stringify(defaults[one]))
    return name && `--${kebabCase(name)} ${config[name] ?? 'off'}: ${why(config)}`
  }
