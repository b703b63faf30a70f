/** Every format of images, in the order in which a path is tried. A new one is a file here and an entry. */
import { amat } from './amat.js'
import { cifar } from './cifar.js'
import { idx } from './idx.js'
import { matlab } from './matlab.js'
import { npy } from './npy.js'
import { npz } from './npz.js'
import { parquet } from './parquet.js'
import { pictures } from './pictures.js'
import { raw } from './raw.js'
import type { Reader } from './reader.js'

export const readers: readonly Reader[] = [npy, npz, matlab, cifar, amat, idx, parquet, pictures, raw]
