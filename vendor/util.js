// node:util as tfjs-node expects it, with two functions that Node 23 removed.
export * from 'node:util'

export const isNullOrUndefined = value => value == null
export const { isArray } = Array
