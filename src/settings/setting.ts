/** A setting: its schema, default and description in one place, so that flags, help and files agree. */

import { z } from 'zod'
import { type Group, kebabCase } from './flag-names.js'
import { nearest } from './nearest.js'

/** Bad input of any kind: the program ends with exit code 2 and this message. */
export class UsageError extends Error {}

/** A phrase for `--help`, and more for docs/settings.md. Neither repeats the choices nor the default, which are printed beside it. */
export type Description = string | readonly [phrase: string, details: string]

export interface Setting<T> {
  schema: z.ZodType<T>
  value: T
  /** A description of valid values, for error messages: '… was given; EXPECTED was expected'. */
  expected: string
  /** The phrase for `--help`. */
  description: string
  /** What docs/settings.md says besides; may be empty. */
  details: string
  /** What stands for a value in `--help`; shell completion offers files for a path, and runs for a run. */
  placeholder: 'n' | 'list' | 'name' | 'path' | 'run' | 'value'
  /** The meaning of null, if that is the default: a word of the command line, or what happens then. */
  unset?: string
  /** How a flag's text becomes a value before it is checked. */
  parse: (text: string) => unknown
  /** All valid values, if there are few. */
  choices?: readonly string[]
  /** May change when a run is resumed, because it does not affect the passes that are done. */
  resumable: boolean
  /** Runs of older versions lack it and behave as its default says; snapshots name it only where it differs. */
  added?: true
}

/** Settings by name. */
export type Settings = Readonly<Record<string, Setting<never> | Setting<unknown>>>

/** Settings that `--help` can list. */
export type GroupedSettings = Readonly<Record<string, (Setting<never> | Setting<unknown>) & { group: Group }>>

/** Puts a setting into a group. */
export const grouped = <S extends object>(group: Group, one: S): S & { group: Group } => ({ ...one, group })

/** Puts all of these settings into a group. */
export const inGroup = <const T extends Settings>(
  group: Group,
  settings: T,
): { readonly [name in keyof T]: T[name] & { group: Group } } =>
  Object.fromEntries(Object.entries(settings).map(([name, one]) => [name, grouped(group, one)])) as never

/** Their values. */
export type Values<T> = { -readonly [name in keyof T]: T[name] extends Setting<infer V> ? V : never }

type Parse = (text: string) => unknown

/** Functions that turn a flag's text into a value. */
export const read = {
  text: (text: string): unknown => text,
  number: (text: string): unknown => (text.trim() === '' ? text : Number(text)),
  list: (text: string): unknown => text.split(',').map(read.number),
  names: (text: string): unknown => text.split(','),
  numberOrAll: (text: string): unknown => (text === 'all' ? null : read.number(text)),
  listOrOff: (text: string): unknown => (text === 'off' ? null : read.list(text)),
  numberOrOff: (text: string): unknown => (text === 'off' ? null : read.number(text)),
  numbersOrOff: (text: string): unknown => text.split(',').map(read.numberOrOff),
}

/** How the texts that these functions read look in `--help`. */
const forms = new Map<Parse, Pick<Setting<unknown>, 'placeholder' | 'unset'>>([
  [read.text, { placeholder: 'name' }],
  [read.number, { placeholder: 'n' }],
  [read.list, { placeholder: 'list' }],
  [read.names, { placeholder: 'list' }],
  [read.numberOrAll, { placeholder: 'n', unset: 'all' }],
  [read.listOrOff, { placeholder: 'list', unset: 'off' }],
  [read.numberOrOff, { placeholder: 'n', unset: 'off' }],
  [read.numbersOrOff, { placeholder: 'list', unset: 'off' }],
])

export function setting<T>(
  schema: z.ZodType<T>,
  value: NoInfer<T>,
  expected: string,
  about: Description,
  parse: Parse,
  resumable = false,
): Setting<T> {
  const [description, details] = typeof about === 'string' ? [about, ''] : about
  const form = forms.get(parse) ?? { placeholder: 'value' }
  return { schema, value, expected, description, details, parse, resumable, ...form }
}

/** A whole number from `least` to `most`, which only rules out absurd sizes. */
export const wholeNumber = (
  [least, most]: readonly [number, number],
  value: number,
  description: Description,
  resumable = false,
): Setting<number> =>
  setting(
    z.int().min(least).max(most),
    value,
    `a whole number from ${least} to ${most}`,
    description,
    read.number,
    resumable,
  )

/** A whole number of at least 1, or null ('off' on the command line). */
export const wholeNumberOrOff = (description: Description, resumable = false): Setting<number | null> =>
  setting(
    z.int().min(1).nullable(),
    null,
    "a whole number of at least 1, or 'off'",
    description,
    read.numberOrOff,
    resumable,
  )

/** CPU threads; null ('all' on the command line) means as many as the process may use. */
export const threads = (resumable = false): Setting<number | null> =>
  setting(
    z.int().min(1).max(1024).nullable(),
    null,
    "a whole number from 1 to 1024, or 'all'",
    [
      'CPU threads',
      'CPU threads of native TensorFlow; all: as many as are available. The last digits of results depend on it.',
    ],
    read.numberOrAll,
    resumable,
  )

export const positive = (value: number, description: Description): Setting<number> =>
  setting(z.number().positive(), value, 'a number above 0', description, read.number)

export const choice = <const T extends readonly [string, ...string[]]>(
  options: T,
  value: NoInfer<T[number]>,
  description: Description,
  resumable = false,
): Setting<T[number]> => {
  const expected = options.length === 1 ? `'${options[0]}'` : `one of ${options.join(', ')}`
  return { ...setting(z.enum(options), value, expected, description, read.text, resumable), choices: options }
}

/** A path or name; the default is null. */
export const text = (
  description: Description,
  form: Partial<Pick<Setting<unknown>, 'placeholder' | 'unset'>> = {},
): Setting<string | null> => ({
  ...setting(z.string().min(1).nullable(), null, 'a name or path', description, read.text),
  placeholder: 'path',
  ...form,
})

/** The value of one flag; throws a `UsageError` that names the flag, what was given and what was expected. */
export function parseFlag(
  name: string,
  { schema, parse, expected, choices }: Setting<unknown>,
  given: string,
): unknown {
  const parsed = schema.safeParse(parse(given))
  if (parsed.success) return parsed.data
  const suggestion = choices && choices.length > 1 ? `; did you mean ${nearest(given, choices)}?` : ''
  throw new UsageError(`--${kebabCase(name)} ${shortened(given)}: ${expected} was expected${suggestion}`)
}

const LONGEST_SHOWN = 100

/** A text that a message repeats: a long one keeps its two ends, with its length between them. */
export function shortened(text: string): string {
  if (text.length <= LONGEST_SHOWN) return text
  return `${text.slice(0, 40)}… (${text.length} characters) …${text.slice(-20)}`
}
