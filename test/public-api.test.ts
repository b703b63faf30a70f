// The public API: whoever imports it can name every type that stands in it.
import { expect, test } from 'vitest'
import { missingTypes } from './support/declarations.js'
import { ENTRIES } from './support/entries.js'

test('every type that stands in a public signature is exported', () => {
  expect(missingTypes(Object.values(ENTRIES))).toEqual([])
})

test('elbo/compile needs no other entry', () => {
  expect(missingTypes([ENTRIES['elbo/compile']])).toEqual([])
})
