// The shapes that TensorFlow takes. Beyond them it does not report an error, but aborts the process.

/** TensorFlow's own limit is 254, but its operations that add an axis to such a tensor abort. */
const MOST_DIMENSIONS = 253

/** The number of elements of a shape; throws an Error unless it is made of whole numbers, few enough and not too large. */
export function elementCount(shape: readonly number[]): number {
  requireDimensions(shape.length)
  const wrong = shape.find(size => !Number.isSafeInteger(size) || size < 0)
  if (wrong !== undefined) throw new Error(`a tensor of shape [${shape}]: ${wrong} is not a whole number of elements`)
  const product = (sizes: readonly number[]) => sizes.reduce((count, size) => count * size, 1)
  // TensorFlow multiplies in order, and the product before a zero must not overflow either.
  if (product(shape.filter(size => size > 0)) > Number.MAX_SAFE_INTEGER)
    throw new Error(`a tensor of shape [${shape}] has more elements than TensorFlow can count`)
  return product(shape)
}

/** Throws an Error if TensorFlow's operations cannot take a tensor of so many dimensions. */
export function requireDimensions(count: number): void {
  if (count > MOST_DIMENSIONS)
    throw new Error(`a tensor of ${count} dimensions: TensorFlow takes at most ${MOST_DIMENSIONS}`)
}
