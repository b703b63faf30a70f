// Fields of protobuf messages, as its documentation encodes them.
import { expect, test } from 'vitest'
import { bytesField, intField } from '../../src/libtensorflow/protobuf.js'

test('negative integers take ten bytes in protobuf, as in its documentation', () => {
  expect([...intField(1, -2)]).toEqual([8, 254, 255, 255, 255, 255, 255, 255, 255, 255, 1])
  expect([...intField(1, 150)]).toEqual([8, 150, 1])
  expect([...bytesField(2, Buffer.from('testing'))]).toEqual([0x12, 7, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67])
})
