import { expect, test } from 'vitest'
import { visible, visibleJson, visibleLines } from '../../src/commands/visible.js'

test('control characters become visible, everything else stays', () => {
  expect(visible('a\x1b[31mb\x07\n\x7f\u009b0m ü 数 \\x1b')).toBe('a\\x1b[31mb\\x07\\x0a\\x7f\\x9b0m ü 数 \\x1b')
  expect(visibleLines('a\nb\r')).toBe('a\nb\\x0d')
})

test('a JSON document keeps its meaning', () => {
  const document = { name: 'a\x1b\u009b\x7f\n' }
  const text = visibleJson(document)
  expect(JSON.parse(text)).toEqual(document)
  expect(text).not.toMatch(/\p{Cc}/u)
})
