/** The value of `--raw-shape`, for arrays that do not tell the shape of an image. */
import { shortened, UsageError } from '../../settings/setting.js'
import type { ImageShape } from '../images.js'

/** `COUNTxROWSxCOLUMNS` or `COUNTxROWSxCOLUMNSxCHANNELS`. Throws a UsageError if it is neither. */
export function parseRawShape(text: string): ImageShape & { count: number } {
  const sizes = /^\d+(x\d+){2,3}$/.test(text) ? text.split('x').map(Number) : []
  const [count, rows, columns, channels = 1] = sizes
  if (count === undefined || rows === undefined || columns === undefined || !sizes.every(size => size > 0))
    throw new UsageError(
      `--raw-shape ${shortened(text)}: expected COUNTxROWSxCOLUMNS or COUNTxROWSxCOLUMNSxCHANNELS, such as 1000x28x28`,
    )
  return { count, rows, columns, channels }
}
