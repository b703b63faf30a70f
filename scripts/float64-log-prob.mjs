// log p(x) of mixtures and factor models in double precision, from the tensors of a snapshot alone: what the program's float32 is compared with.
// Under mean field it is the bound of an image: the log of the sum over components of exp E[log p(x, k)].

/**
 * The tensors of a snapshot by name (docs/checkpoints.md).
 * @typedef {ReadonlyMap<string, { shape: readonly number[], data: ArrayLike<number> }>} Tensors
 */

/**
 * A function of the features of one image.
 * @typedef {(x: Float64Array) => number} LogProb
 */

const LOG_2PI = Math.log(2 * Math.PI)

/**
 * log p(x) of each image in nats.
 * @param {Tensors} tensors
 * @param {readonly Uint8Array[]} images pixels in 0 … 255 of each; for a Bernoulli mixture 0 and 255 only
 * @param {(value: number) => number} [rounded] of levels / 255, such as Math.fround; by default they are in double precision too
 * @returns {number[]}
 */
export function logProbOfEach(tensors, images, rounded = value => value) {
  const features = featuresOf(tensors)
  const logProb = logProbOf(tensors)
  return images.map(image => logProb(features(Float64Array.from(image, level => rounded(level / 255)))))
}

/** @param {Tensors} tensors @returns {LogProb} */
function logProbOf(tensors) {
  if (tensors.has('psi')) return factorModel(tensors)
  const joint = tensors.has('covariances') ? gaussianJoint(tensors) : bernoulliJoint(tensors)
  const components = [...values(tensors, 'weights').keys()]
  return x => logSumExp(components.map(k => joint(x, k)))
}

/** @param {Tensors} tensors @param {string} name */
function values(tensors, name) {
  const found = tensors.get(name)
  if (!found) throw new Error(`the snapshot has no tensor '${name}'`)
  return Float64Array.from(found.data)
}

/**
 * x, or its principal components: (x - mean) basis.
 * @param {Tensors} tensors
 * @returns {(x: Float64Array) => Float64Array}
 */
function featuresOf(tensors) {
  if (!tensors.has('features/mean')) return x => x
  const [mean, basis] = [values(tensors, 'features/mean'), values(tensors, 'features/basis')]
  const size = basis.length / mean.length
  return x =>
    Float64Array.from({ length: size }, (_, j) => total(x.map((v, i) => (v - at(mean, i)) * at(basis, i * size + j))))
}

/**
 * log w_k + log p(x | k), or its expectation.
 * @param {Tensors} tensors
 * @returns {(x: Float64Array, k: number) => number}
 */
function bernoulliJoint(tensors) {
  const means = values(tensors, 'means')
  const logWeights = logWeightsOf(tensors)
  const isPosterior = tensors.has('posterior/on')
  const on = isPosterior ? values(tensors, 'posterior/on') : means
  const off = isPosterior ? values(tensors, 'posterior/off') : means.map(p => 1 - p)
  const log = isPosterior
    ? (/** @type {Float64Array} */ part, /** @type {number} */ i) =>
        digamma(at(part, i)) - digamma(at(on, i) + at(off, i))
    : (/** @type {Float64Array} */ part, /** @type {number} */ i) =>
        part === on ? Math.log(at(means, i)) : Math.log1p(-at(means, i))
  const [logOn, logOff] = [on.map((_, i) => log(on, i)), off.map((_, i) => log(off, i))]
  return (x, k) => at(logWeights, k) + total(x.map((v, i) => at(v > 0.5 ? logOn : logOff, k * x.length + i)))
}

/** @param {Tensors} tensors @returns {(x: Float64Array, k: number) => number} */
function gaussianJoint(tensors) {
  const means = values(tensors, 'means')
  const logWeights = logWeightsOf(tensors)
  const components = logWeights.length
  const pixels = means.length / components
  const form = tensors.has('whitening')
    ? fullForm(values(tensors, 'whitening'), pixels)
    : axisForm(values(tensors, 'covariances'), components, pixels)
  const constants = logWeights.map(
    (_, k) => expectedLogDeterminant(tensors, form.logDeterminant(k), pixels, k) - pixels * LOG_2PI,
  )
  return (x, k) => {
    const away = x.map((v, i) => v - at(means, k * pixels + i))
    return at(logWeights, k) + (at(constants, k) - form.distance(away, k)) / 2
  }
}

/** Λ = Pᵀ P. @param {Float64Array} whitening @param {number} pixels */
function fullForm(whitening, pixels) {
  const entry = (/** @type {number} */ k, /** @type {number} */ i, /** @type {number} */ j) =>
    at(whitening, (k * pixels + i) * pixels + j)
  return {
    logDeterminant: (/** @type {number} */ k) =>
      2 * total(Float64Array.from({ length: pixels }, (_, i) => Math.log(entry(k, i, i)))),
    distance: (/** @type {Float64Array} */ away, /** @type {number} */ k) =>
      total(away.map((_, i) => total(away.map((v, j) => entry(k, i, j) * v)) ** 2)),
  }
}

/** One variance, or one for each pixel. @param {Float64Array} variances @param {number} components @param {number} pixels */
function axisForm(variances, components, pixels) {
  const width = variances.length / components
  const variance = (/** @type {number} */ k, /** @type {number} */ i) => at(variances, k * width + (i % width))
  return {
    logDeterminant: (/** @type {number} */ k) =>
      -total(Float64Array.from({ length: pixels }, (_, i) => Math.log(variance(k, i)))),
    distance: (/** @type {Float64Array} */ away, /** @type {number} */ k) =>
      total(away.map((v, i) => v ** 2 / variance(k, i))),
  }
}

/** E[log |Λ|] - D / κ under mean field (Bishop 2006, section 10.2); log |Λ| without. @param {Tensors} tensors @param {number} logDeterminant of E[Λ] @param {number} pixels @param {number} k */
function expectedLogDeterminant(tensors, logDeterminant, pixels, k) {
  if (!tensors.has('posterior/degrees_of_freedom')) return logDeterminant
  const freedom = at(values(tensors, 'posterior/degrees_of_freedom'), k)
  const share = pixels / at(values(tensors, 'posterior/mean_precision'), k)
  const isSpherical = tensors.get('covariances')?.shape.length === 1
  const shape = ((isSpherical ? pixels : 1) * freedom) / 2
  const shift = tensors.has('whitening')
    ? total(Float64Array.from({ length: pixels }, (_, i) => digamma((freedom - i) / 2) - Math.log(freedom / 2)))
    : pixels * (digamma(shape) - Math.log(shape))
  return logDeterminant + shift - share
}

/** @param {Tensors} tensors */
function logWeightsOf(tensors) {
  if (!tensors.has('posterior/concentration')) return values(tensors, 'weights').map(Math.log)
  const alpha = values(tensors, 'posterior/concentration')
  return alpha.map(value => digamma(value) - digamma(total(alpha)))
}

/**
 * With G = (I + Wᵀ Ψ⁻¹ W)⁻¹ and m = G Wᵀ Ψ⁻¹ (x - mu): -½ (D log 2π + log |Ψ| - log |G| + |x - mu - W m|²_Ψ + |m|²).
 * @param {Tensors} tensors
 * @returns {LogProb}
 */
function factorModel(tensors) {
  const [mu, W, psi] = [values(tensors, 'mu'), values(tensors, 'W'), values(tensors, 'psi')]
  const size = W.length / mu.length
  const w = (/** @type {number} */ i, /** @type {number} */ l) => at(W, i * size + l)
  const precision = Array.from({ length: size }, (_, a) =>
    Float64Array.from(
      { length: size },
      (_, b) => total(psi.map((variance, i) => (w(i, a) * w(i, b)) / variance)) + Number(a === b),
    ),
  )
  const lower = cholesky(precision)
  const constant =
    mu.length * LOG_2PI +
    total(psi.map(Math.log)) +
    2 * total(Float64Array.from(lower, (row, i) => Math.log(at(row, i))))
  return x => {
    const away = x.map((v, i) => v - at(mu, i))
    const mean = solve(
      lower,
      Float64Array.from({ length: size }, (_, l) => total(away.map((v, i) => (w(i, l) * v) / at(psi, i)))),
    )
    const left = away.map((v, i) => v - total(mean.map((z, l) => w(i, l) * z)))
    return -(constant + total(left.map((v, i) => v ** 2 / at(psi, i))) + total(mean.map(z => z ** 2))) / 2
  }
}

/** The lower triangular L of a positive definite matrix L Lᵀ. @param {Float64Array[]} matrix */
function cholesky(matrix) {
  /** @type {Float64Array[]} */
  const lower = matrix.map(row => new Float64Array(row.length))
  for (const [i, row] of lower.entries())
    for (let j = 0; j <= i; j++) {
      const other = /** @type {Float64Array} */ (lower[j])
      const rest =
        at(/** @type {Float64Array} */ (matrix[i]), j) - total(row.subarray(0, j).map((v, l) => v * at(other, l)))
      row[j] = i === j ? Math.sqrt(rest) : rest / at(other, j)
    }
  return lower
}

/** x with L Lᵀ x = b. @param {Float64Array[]} lower @param {Float64Array} b */
function solve(lower, b) {
  const x = b.slice()
  const size = b.length
  const l = (/** @type {number} */ i, /** @type {number} */ j) => at(/** @type {Float64Array} */ (lower[i]), j)
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) x[i] = at(x, i) - l(i, j) * at(x, j)
    x[i] = at(x, i) / l(i, i)
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let j = i + 1; j < size; j++) x[i] = at(x, i) - l(j, i) * at(x, j)
    x[i] = at(x, i) / l(i, i)
  }
  return x
}

/** @param {Float64Array} list @param {number} i */
const at = (list, i) => /** @type {number} */ (list[i])

/** @param {Float64Array} list */
const total = list => list.reduce((sum, value) => sum + value, 0)

/** @param {number[]} list */
function logSumExp(list) {
  const largest = Math.max(...list)
  return largest + Math.log(list.reduce((sum, value) => sum + Math.exp(value - largest), 0))
}

/** Recurrence up to 10, then the asymptotic series. @param {number} x @returns {number} */
function digamma(x) {
  if (x < 10) return digamma(x + 1) - 1 / x
  const r = 1 / x ** 2
  return Math.log(x) - 1 / (2 * x) - r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r / 132))))
}
