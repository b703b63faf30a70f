// Mutations of a file's bytes, drawn by fast-check: the same number gives the same mutation.

import fc from 'fast-check'

const { array, constant, constantFrom, integer, nat, oneof, record, string, tuple, uint8Array } = fc

/** Values that JSON can have and that no reader expects, as text. */
const oddJson = [
  ...['null', 'true', '-1', '0', '1e308', '1e999', '-1e-320', '123456789012345678901234567890', 'NaN', ''],
  ...['""', '"\\u0000"', '"__proto__"', '[]', '{}', '[[]]', '{"__proto__":{"a":1}}', '"../../etc/passwd"'],
  ...['['.repeat(100_000), `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`, `"${'9'.repeat(20_000)}"`, '\u001b[31m'],
]

const share = integer({ min: 0, max: 2 ** 30 - 1 })
const range = tuple(share, integer({ min: 1, max: 64 }))

const byteMutations = {
  cut: record({ at: share }),
  flip: array(tuple(share, nat(7)), { minLength: 1, maxLength: 3 }),
  overwrite: tuple(share, uint8Array({ minLength: 1, maxLength: 40 })),
  insert: tuple(share, uint8Array({ minLength: 1, maxLength: 40 })),
  remove: range,
  duplicate: range,
  zero: range,
  digit: tuple(share, nat(9)),
  append: oneof(string(), constant('\n'), constant('\0'.repeat(5000))),
  replace: oneof(uint8Array({ maxLength: 300 }), string(), constantFrom(...oddJson)),
}

/** Of a JSON document in the file: the place that is changed, and what it becomes. */
const jsonMutations = {
  value: tuple(
    share,
    oneof(
      constantFrom(...oddJson),
      fc.jsonValue({ maxDepth: 3 }).map(value => JSON.stringify(value)),
    ),
  ),
  drop: share,
  rename: tuple(share, string()),
}

/** The `number`th mutation of `seed` of these bytes: `{ kind, bytes }`. `json` tells where the JSON in it is, see `fileKinds`. */
export function mutate(bytes, json, seed, number) {
  const all = Object.entries({ ...byteMutations, ...(json && jsonMutations) })
  const arbitrary = oneof(...all.map(([kind, drawn]) => drawn.map(value => ({ kind, value }))))
  const [{ kind, value }] = fc.sample(arbitrary, { numRuns: 1, seed: seed * 1_000_003 + number })
  return {
    kind,
    bytes:
      kind in jsonMutations ? json.change(bytes, text => changeJson(text, kind, value)) : change[kind](bytes, value),
  }
}

const place = (bytes, at, extra = 0) => at % Math.max(1, bytes.length + extra)

function splice(bytes, at, removed, inserted) {
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(inserted), bytes.subarray(at + removed)])
}

const change = {
  cut: (bytes, { at }) => bytes.subarray(0, place(bytes, at)),
  flip(bytes, flips) {
    const copy = Buffer.from(bytes)
    for (const [at, bit] of flips) copy[place(bytes, at)] ^= 1 << bit
    return copy
  },
  overwrite: (bytes, [at, by]) => splice(bytes, place(bytes, at), by.length, by),
  insert: (bytes, [at, by]) => splice(bytes, place(bytes, at, 1), 0, by),
  remove: (bytes, [at, length]) => splice(bytes, place(bytes, at), length, ''),
  duplicate(bytes, [at, length]) {
    const from = place(bytes, at)
    return splice(bytes, from, 0, bytes.subarray(from, from + length))
  },
  zero(bytes, [at, length]) {
    const from = place(bytes, at)
    return splice(bytes, from, length, Buffer.alloc(Math.min(length, bytes.length - from)))
  },
  digit(bytes, [at, digit]) {
    const places = [...bytes.keys()].filter(i => bytes[i] >= 0x30 && bytes[i] <= 0x39)
    const to = places[at % Math.max(1, places.length)]
    return to === undefined ? bytes : splice(bytes, to, 1, String(digit))
  },
  append: (bytes, text) => Buffer.concat([bytes, Buffer.from(text)]),
  replace: (_bytes, by) => Buffer.from(by),
}

/** Changes one place of a JSON document; values are inserted as text, so that they need not be JSON. */
function changeJson(text, kind, value) {
  const mark = '\ue000'
  const document = JSON.parse(text)
  const places = placesOf(document)
  const [share, by] = [value].flat()
  const { parent, key } = places[share % places.length]
  if (kind === 'value') {
    parent[key] = mark
    return JSON.stringify(document).replace(`"${mark}"`, () => by)
  }
  const before = parent[key]
  if (Array.isArray(parent)) parent.splice(key, 1)
  else delete parent[key]
  if (kind === 'rename' && !Array.isArray(parent)) parent[by] = before
  return JSON.stringify(document)
}

/** Every value in a document, by the object or array that holds it. */
function placesOf(value) {
  if (typeof value !== 'object' || value === null) return []
  return Object.keys(value).flatMap(key => [{ parent: value, key }, ...placesOf(value[key])])
}
