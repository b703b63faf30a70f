import { expect, test } from 'vitest'
import { parseJson } from '../../src/settings/json.js'

test('brackets in strings do not count, deep documents are refused in one line', () => {
  expect(parseJson(JSON.stringify({ a: '['.repeat(1000), b: '"[\\' }))).toEqual({ a: '['.repeat(1000), b: '"[\\' })
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const nested = (depth: number) => `${open.repeat(depth)}1${close.repeat(depth)}`
    expect(() => parseJson(nested(64))).not.toThrow()
    expect(() => parseJson(nested(100_000))).toThrow('JSON nested deeper than 64 levels')
  }
  expect(() => parseJson('{')).toThrow(/^not JSON: /)
})
