/** Rules about conflicting settings: each message says what was given and what would be right. */
import { kebabCase } from './flag-names.js'

/** Why settings conflict; undefined if they do not. A setting that differs from `defaults` was set by the user. */
export type Rule<C> = (config: C, defaults: C) => string | undefined

/** The message of the first rule that the settings break; undefined if they break none. */
export function firstConflict<C>(rules: readonly Rule<C>[], config: C, defaults: C): string | undefined {
  for (const rule of rules) {
    const conflict = rule(config, defaults)
    if (conflict !== undefined) return conflict
  }
  return undefined
}

/** A rule against settings that would have no effect: where it `applies`, the settings `names` must have their defaults. */
export const idle =
  <C>(names: readonly (keyof C & string)[], applies: (config: C) => boolean, why: (config: C) => string): Rule<C> =>
  (config, defaults) => {
    if (!applies(config)) return undefined
    const name = names.find(key => JSON.stringify(config[key]) !== JSON.stringify(defaults[key]))
    return name && `--${kebabCase(name)} ${config[name] ?? 'off'}: ${why(config)}`
  }
