// The part of @tensorflow/tfjs-node that src/ uses (#tfjs-node): kernels, backend class, files, images, SavedModels and summaries.
export const { NodeJSKernelBackend } = require('@tensorflow/tfjs-node/dist/nodejs_kernel_backend')
require('@tensorflow/tfjs-node/dist/register_all_kernels')
export const { nodeFileSystemRouter } = require('@tensorflow/tfjs-node/dist/io/file_system')

const { decodeImage, encodePng } = require('@tensorflow/tfjs-node/dist/image')
const { getNumOfSavedModels, loadSavedModel } = require('@tensorflow/tfjs-node/dist/saved_model')
const { summaryFileWriter } = require('@tensorflow/tfjs-node/dist/tensorboard')
export const node = { decodeImage, encodePng, getNumOfSavedModels, loadSavedModel, summaryFileWriter }
