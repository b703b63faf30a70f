// Moves labels beside a chart apart, by as little as possible: isotonic regression by pooling adjacent violators.

/** A label's desired centre and its height, in pixels. */
export interface Label {
  centre: number
  height: number
}

/**
 * Centres, in the order given, at which no two labels overlap and all lie within [top, bottom] if they fit there,
 * with the least sum of squared moves. Labels that want the same place keep their order.
 */
export function spreadLabels(labels: readonly Label[], top: number, bottom: number): number[] {
  const order = labels.map((_, index) => index).sort((a, b) => centreOf(labels, a) - centreOf(labels, b))
  let stacked = 0
  // Relative to the stack of all labels above, labels do not overlap exactly if their tops are non-decreasing.
  const above = order.map(index => {
    const height = labels[index]?.height ?? 0
    stacked += height
    return { index, height, offset: stacked - height }
  })
  const tops = isotonic(above.map(({ index, height, offset }) => centreOf(labels, index) - height / 2 - offset))
  const centres = new Array<number>(labels.length)
  above.forEach(({ index, height, offset }, rank) => {
    const within = Math.max(top, Math.min(tops[rank] ?? top, bottom - stacked))
    centres[index] = within + offset + height / 2
  })
  return centres
}

function centreOf(labels: readonly Label[], index: number): number {
  return labels[index]?.centre ?? 0
}

/** The non-decreasing sequence nearest to `values` in squared distance. */
function isotonic(values: number[]): number[] {
  const pools: { mean: number; size: number }[] = []
  for (const value of values) {
    let pool = { mean: value, size: 1 }
    for (let last = pools.at(-1); last && last.mean > pool.mean; last = pools.at(-1)) {
      const size = last.size + pool.size
      pool = { mean: (last.mean * last.size + pool.mean * pool.size) / size, size }
      pools.pop()
    }
    pools.push(pool)
  }
  return pools.flatMap(({ mean, size }) => new Array<number>(size).fill(mean))
}
