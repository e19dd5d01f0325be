import { FedunifyError } from '../errors.ts'
import type { Dataset } from './dataset.ts'
import { CLASS_NAMES, IDX_NAMES, type IdxName } from './fashion-mnist/known-files.ts'
import { type LocateOptions, locateFashionMnist, locateIn } from './fashion-mnist/locate.ts'
import { assertFashionMnist } from './fashion-mnist/verify.ts'
import { type IdxImages, parseImages, parseLabels } from './idx.ts'
import { type Content, readContents } from './idx-folder.ts'

export const DATASETS = ['fashion-mnist', 'idx'] as const
export type DatasetName = (typeof DATASETS)[number]

export interface LoadOptions extends LocateOptions {
  /** `idx` takes any four IDX files of the usual names, from `dir`, without checking their hashes. */
  readonly dataset: DatasetName
}

/**
 * Loads a dataset and pools it: the images of the train file, then those of the t10k file.
 * @throws FedunifyError `data` if files are missing, wrong or do not fit together; `usage` for idx without a folder
 * @throws the signal's reason if it was aborted
 */
export async function loadDataset(options: LoadOptions): Promise<Dataset> {
  return options.dataset === 'fashion-mnist' ? loadFashionMnist(options) : loadIdx(options.dir)
}

async function loadFashionMnist(options: LocateOptions): Promise<Dataset> {
  const { dir, files, hint } = await locateFashionMnist(options)
  const contents = await assertFashionMnist(files, hint, options.places?.known)
  return pool('fashion-mnist', dir, contents as Record<IdxName, Content>, CLASS_NAMES.length)
}

async function loadIdx(dir: string | undefined): Promise<Dataset> {
  if (dir === undefined) {
    throw new FedunifyError('usage', 'dataset idx needs a folder', 'name the one with the four files: --data DIR')
  }
  const { files } = await locateIn(dir, '')
  return pool('idx', dir, (await readContents(files)) as Record<IdxName, Content>)
}

/**
 * One dataset from the content of the four files.
 * @param classes the number of classes; without it, the largest label + 1, at least 2
 * @throws FedunifyError `data` if counts or image sizes differ, or a label is out of range
 */
export function pool(
  name: DatasetName,
  source: string,
  contents: Readonly<Record<IdxName, Content>>,
  classes?: number,
): Dataset {
  const train = part(contents['train-images-idx3-ubyte'], contents['train-labels-idx1-ubyte'])
  const t10k = part(contents['t10k-images-idx3-ubyte'], contents['t10k-labels-idx1-ubyte'])
  const { rows, cols } = train.images
  if (t10k.images.rows !== rows || t10k.images.cols !== cols) {
    throw new FedunifyError(
      'data',
      `images of different sizes: ${sizeOf(train)}, but ${sizeOf(t10k)}`,
      'both image files must come from the same dataset',
    )
  }
  const labels = join(train.labels, t10k.labels)
  if (classes !== undefined) for (const { labels, file } of [train, t10k]) assertRange(labels, classes, file)
  return {
    name,
    images: join(train.images.pixels, t10k.images.pixels),
    labels,
    count: labels.length,
    rows,
    cols,
    classes: classes ?? Math.max(2, largest(labels) + 1),
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
      'data',
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
  throw new FedunifyError('data', `${file}: label ${labels[at]} at ${at}, expected 0 to ${classes - 1}`, hint)
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
