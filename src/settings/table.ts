/** Operations on a table of settings: filling in defaults, checking JSON files, and resuming a run with changed settings. */

import { kebabCase } from './flag-names.js'
import { parseJson } from './json.js'
import { nearest } from './nearest.js'
import { type Setting, type Settings, shortened, UsageError, type Values } from './setting.js'

/** Settings with lists that may be read-only. */
export type DeepReadonly<T> = { readonly [name in keyof T]: ReadonlyList<T[name]> }

/** A list of a setting, for reading only, also if it is one of lists; any other value as it is. */
export type ReadonlyList<V> = V extends unknown[] ? { readonly [I in keyof V]: ReadonlyList<V[I]> } : V

/** The operations on the settings of one kind of run, whose values have the type `C`. */
export interface SettingsTable<C> {
  /** Fills in defaults; later sources win. */
  resolve(...sources: DeepReadonly<Partial<C>>[]): C
  /** Checks the settings of a JSON file, which may lack some; `where` is its path, for error messages. */
  parse(json: string, where: string): Partial<C>
  /** Fills in newer settings whose default is null; `added` ones stay absent. Throws a `UsageError` if another one is missing. */
  complete(config: Partial<C>, where: string): C
  /** The settings of a resumed run: `saved` with `changes`. Throws a `UsageError` on a change to a setting that is not resumable. */
  resume(saved: C, changes: Partial<C>): C
  /** The settings that determine a snapshot: all but the resumable ones and newer ones at their default, in the order of `config`. */
  fixed(config: C): Record<string, unknown>
}

/**
 * `former` names settings of older versions that this table no longer has. They are kept as they are, so that an old run can be resumed
 * with its config.json.
 */
export function settingsTable<T extends Settings>(
  settings: T,
  former: readonly string[] = [],
): SettingsTable<Values<T>> {
  const names = Object.keys(settings)
  const lookUp = (name: string) => settings[name] as Setting<unknown>
  const savedValue = (saved: Values<T>, name: string): unknown =>
    Object.hasOwn(saved, name) || !lookUp(name).added ? saved[name as keyof T] : lookUp(name).value
  const check = (name: string, value: unknown, where: string) => {
    if (!Object.hasOwn(settings, name)) {
      if (former.includes(name)) return
      throw new UsageError(
        `${where}: there is no setting '${shortened(name)}'; did you mean '${nearest(name, names)}'?`,
      )
    }
    const { schema, expected } = lookUp(name)
    if (!schema.safeParse(value).success)
      throw new UsageError(`${where}: ${name}: ${shortened(JSON.stringify(value))} was given; ${expected} was expected`)
  }
  return {
    resolve: (...sources) =>
      Object.assign(Object.fromEntries(names.map(name => [name, lookUp(name).value])), ...sources) as Values<T>,
    parse(json, where) {
      const given = parseObject(json, where)
      for (const [name, value] of Object.entries(given)) check(name, value, where)
      return given as Partial<Values<T>>
    },
    complete(config, where) {
      const lacking = names.filter(name => !Object.hasOwn(config, name) && !lookUp(name).added)
      const missing = lacking.find(name => lookUp(name).value !== null)
      if (missing) throw new UsageError(`${where}: the setting '${missing}' is missing`)
      return { ...config, ...Object.fromEntries(lacking.map(name => [name, null])) } as Values<T>
    },
    resume(saved, changes) {
      for (const [name, value] of Object.entries(changes))
        requireSame(name, savedValue(saved, name), value, lookUp(name))
      return { ...saved, ...changes }
    },
    fixed: config =>
      Object.fromEntries(
        Object.entries(config).filter(([name, value]) => settings[name] === undefined || decides(lookUp(name), value)),
      ),
  }
}

/** Whether a snapshot has to name the value of a setting. */
const decides = ({ resumable, added, value: usual }: Setting<unknown>, value: unknown): boolean =>
  !resumable && !(added && value === usual)

function requireSame(name: string, saved: unknown, changed: unknown, { resumable }: Setting<unknown>): void {
  const [before, now] = [JSON.stringify(saved), JSON.stringify(changed)]
  if (before === now || resumable) return
  throw new UsageError(
    `--${kebabCase(name)} ${now}: the run began with ${before}, and resuming cannot change that; start another run`,
  )
}

function parseObject(json: string, where: string): object {
  let given: unknown
  try {
    given = parseJson(json)
  } catch (error) {
    throw new UsageError(`${where}: ${(error as Error).message}`)
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new UsageError(`${where}: an object of settings was expected`)
  }
  return given
}
