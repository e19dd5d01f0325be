import { z } from 'zod'
import { FedunifyError } from '../errors.ts'
import { type Choice, make, nameOf } from '../parts.ts'
import type { Dataset, DatasetPart, DatasetSource } from './dataset.ts'
import { CLASS_NAMES, IDX_NAMES, type IdxName } from './fashion-mnist/known-files.ts'
import { type LocateOptions, locateFashionMnist, locateIn, wouldFetch } from './fashion-mnist/locate.ts'
import { assertFashionMnist } from './fashion-mnist/verify.ts'
import { type IdxImages, parseImages, parseLabels } from './idx.ts'
import { type Content, readContents } from './idx-folder.ts'

/** Every dataset, by the name that `--dataset` takes. */
export const DATASETS = {
  'fashion-mnist': {
    summary: '70,000 grey images of clothes in ten classes, 28x28; found on this machine, or fetched',
    source: 'Xiao, Rasul and Vollgraf 2017 (arXiv:1708.07747)',
    options: z.strictObject({}),
    make: () => ({ load: loadFashionMnist, wouldFetch }),
  },
  idx: {
    summary: 'any four IDX files of the usual names, in the folder that --data names',
    source: 'LeCun, Cortes and Burges, the MNIST database (yann.lecun.com/exdb/mnist)',
    options: z.strictObject({}),
    make: () => ({ needsFolder: true, load: loadIdx }),
  },
} satisfies Record<string, DatasetPart>

export type DatasetChoice = Choice<typeof DATASETS>

/** The dataset that an experiment chooses. */
export const datasetOf = (choice: DatasetChoice): DatasetSource => make(DATASETS, choice)

export interface LoadOptions extends LocateOptions {
  readonly dataset: DatasetChoice
}

/**
 * Loads a dataset and pools it: the images of the train file, then those of the t10k file.
 * @throws FedunifyError `data` if files are missing, wrong or do not fit together
 * @throws the signal's reason if it was aborted
 */
export const loadDataset = ({ dataset, ...options }: LoadOptions): Promise<Dataset> => datasetOf(dataset).load(options)

async function loadFashionMnist(options: LocateOptions): Promise<Dataset> {
  const { dir, files, hint } = await locateFashionMnist(options)
  const contents = await assertFashionMnist(files, hint, options.places?.known)
  return pool('fashion-mnist', dir, contents as Record<IdxName, Content>, CLASS_NAMES)
}

/** Whatever is in the files: their hashes are not checked. */
async function loadIdx({ dir = '' }: LocateOptions): Promise<Dataset> {
  const { files } = await locateIn(dir, '')
  return pool('idx', dir, (await readContents(files)) as Record<IdxName, Content>)
}

/**
 * An owner's own images, in four IDX files of a folder: those of the train file are to train on, the others to test.
 * @param dataset that an experiment is about: its class names are those of the labels
 * @throws FedunifyError (data) as `loadDataset` does
 */
export async function loadOwnData(dataset: DatasetChoice, dir: string): Promise<Dataset> {
  if (nameOf(dataset) !== 'fashion-mnist') return await loadIdx({ dir })
  const { files } = await locateIn(dir, '')
  return pool('fashion-mnist', dir, (await readContents(files)) as Record<IdxName, Content>, CLASS_NAMES)
}

/**
 * One dataset from the content of the four files.
 * @param names of the classes; without them, the labels up to the largest, and two at least
 * @throws FedunifyError `data` if counts or image sizes differ, or a label is out of range
 */
export function pool(
  name: string,
  source: string,
  contents: Readonly<Record<IdxName, Content>>,
  names?: readonly string[],
): Dataset {
  const train = part(contents['train-images-idx3-ubyte'], contents['train-labels-idx1-ubyte'])
  const t10k = part(contents['t10k-images-idx3-ubyte'], contents['t10k-labels-idx1-ubyte'])
  const { rows, cols } = train.images
  if (t10k.images.rows !== rows || t10k.images.cols !== cols) {
    throw new FedunifyError(
      'E_DATASET',
      `images of different sizes: ${sizeOf(train)}, but ${sizeOf(t10k)}`,
      'both image files must come from the same dataset',
    )
  }
  const labels = join(train.labels, t10k.labels)
  if (names) for (const { labels, file } of [train, t10k]) assertRange(labels, names.length, file)
  const classNames = names ?? Array.from({ length: Math.max(2, largest(labels) + 1) }, (_, label) => String(label))
  return {
    name,
    shape: [1, rows, cols],
    elements: 'uint8',
    images: join(train.images.pixels, t10k.images.pixels),
    labels,
    count: labels.length,
    trainCount: train.labels.length,
    classes: classNames.length,
    classNames,
    sha256: Object.fromEntries(IDX_NAMES.map((file) => [file, contents[file].sha256])),
    source,
  }
}

interface Part {
  readonly images: IdxImages
  readonly labels: Uint8Array
  readonly imageFile: string
  readonly file: string
}

function part(imageContent: Content, labelContent: Content): Part {
  const images = parseImages(imageContent.bytes, imageContent.path)
  const labels = parseLabels(labelContent.bytes, labelContent.path)
  if (images.count !== labels.length) {
    throw new FedunifyError(
      'E_DATASET',
      `${imageContent.path} holds ${images.count} images, but ${labelContent.path} ${labels.length} labels`,
      'both files must come from the same dataset',
    )
  }
  return { images, labels, imageFile: imageContent.path, file: labelContent.path }
}

function sizeOf({ images, imageFile }: Part): string {
  return `${imageFile} has ${images.rows} x ${images.cols} pixels`
}

function assertRange(labels: Uint8Array, classes: number, file: string): void {
  const at = labels.findIndex((label) => label >= classes)
  if (at < 0) return
  const hint = 'the labels do not belong to this dataset'
  throw new FedunifyError('E_DATASET', `${file}: label ${labels[at]} at ${at}, expected 0 to ${classes - 1}`, hint)
}

function largest(labels: Uint8Array): number {
  return labels.reduce((most, label) => Math.max(most, label), 0)
}

/** Both arrays in one, in memory that threads can share: that of the first, if there is room behind it. */
function join(first: Uint8Array, second: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const { buffer, byteOffset } = first
  const length = first.length + second.length
  const roomy = buffer instanceof SharedArrayBuffer && byteOffset + length <= buffer.byteLength
  const joined = roomy ? new Uint8Array(buffer, byteOffset, length) : new Uint8Array(new SharedArrayBuffer(length))
  if (!roomy) joined.set(first)
  joined.set(second, first.length)
  return joined
}
