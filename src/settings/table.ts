/** What a table of settings can do: fill in defaults, read and check JSON files, say what a resumed run may change. */
import { closest } from 'fastest-levenshtein'
import { kebabCase, type Setting, UsageError, type Values } from './setting.js'

type Table = Record<string, Setting<never> | Setting<unknown>>

export type DeepReadonly<T> = { readonly [name in keyof T]: ReadonlyList<T[name]> }

type ReadonlyList<V> = V extends (infer U)[] ? readonly U[] : V

export interface SettingsTable<T extends Table> {
  /** Fills in defaults: later sources win. */
  resolve(...sources: DeepReadonly<Partial<Values<T>>>[]): Values<T>
  /** Checks the settings of a JSON file, some or all; `where` is its path, for error messages. */
  parse(json: string, where: string): Partial<Values<T>>
  /** Checks that every setting is there, but for those that ask for nothing by default: the program may be newer than the file. */
  complete(config: Partial<Values<T>>, where: string): Values<T>
  /**
   * The settings with which a run goes on: those that it began with, but for the few that may change. Throws a `UsageError` when a
   * flag asks for another value of one that may not.
   */
  resume(saved: Values<T>, changes: Partial<Values<T>>): Values<T>
  /** The settings that decided what a snapshot holds: all but the resumable ones. */
  fixed(config: Values<T>): Record<string, unknown>
}

export function settingsTable<T extends Table>(settings: T): SettingsTable<T> {
  const names = Object.keys(settings) as (keyof T & string)[]
  const of = (name: string) => settings[name] as Setting<unknown>
  return {
    resolve: (...sources) =>
      Object.assign(Object.fromEntries(names.map(name => [name, of(name).value])), ...sources) as Values<T>,
    parse(json, where) {
      const given = parseObject(json, where)
      for (const [name, value] of Object.entries(given)) {
        if (!Object.hasOwn(settings, name))
          throw new UsageError(`${where}: there is no setting '${name}'; did you mean '${closest(name, names)}'?`)
        const { schema, expected } = of(name)
        if (!schema.safeParse(value).success) {
          throw new UsageError(`${where}: ${name}: ${JSON.stringify(value)} was given; ${expected} was expected`)
        }
      }
      return given as Partial<Values<T>>
    },
    complete(config, where) {
      const lacking = names.filter(name => !Object.hasOwn(config, name))
      const missing = lacking.find(name => of(name).value !== null)
      if (missing) throw new UsageError(`${where}: the setting '${missing}' is missing`)
      return { ...config, ...Object.fromEntries(lacking.map(name => [name, null])) } as Values<T>
    },
    resume(saved, changes) {
      for (const name of Object.keys(changes) as (keyof T & string)[]) {
        const [before, now] = [JSON.stringify(saved[name]), JSON.stringify(changes[name])]
        if (before !== now && !of(name).resumable) {
          throw new UsageError(
            `--${kebabCase(name)} ${now}: the run began with ${before}, and a resumed run keeps that; start another run`,
          )
        }
      }
      return { ...saved, ...changes }
    },
    fixed: config => Object.fromEntries(names.filter(name => !of(name).resumable).map(name => [name, config[name]])),
  }
}

function parseObject(json: string, where: string): object {
  let given: unknown
  try {
    given = JSON.parse(json)
  } catch (error) {
    throw new UsageError(`${where}: not JSON: ${(error as Error).message}`)
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new UsageError(`${where}: an object of settings was expected`)
  }
  return given
}
