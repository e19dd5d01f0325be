/** The IDX files that make a dataset, without `.gz`; each may be gzipped or not. */
export const IDX_NAMES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
] as const

export type IdxName = (typeof IDX_NAMES)[number]

export interface KnownFile {
  /** Size of the IDX content in bytes, uncompressed. */
  readonly bytes: number
  /** SHA-256 (hex) of the IDX content, uncompressed. */
  readonly sha256: string
  /** Size in bytes of the .gz file that the mirrors serve. */
  readonly download: number
}

export type KnownFiles = Readonly<Record<IdxName, KnownFile>>

/**
 * Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747), recognised by the hash of what is inside the
 * gzip files: Debian rebuilds them without name and time stamp, so that their own hashes differ from the mirrors',
 * while the content is the same.
 */
export const FASHION_MNIST: KnownFiles = {
  'train-images-idx3-ubyte': {
    bytes: 47_040_016,
    sha256: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
    download: 26_421_880,
  },
  'train-labels-idx1-ubyte': {
    bytes: 60_008,
    sha256: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
    download: 29_515,
  },
  't10k-images-idx3-ubyte': {
    bytes: 7_840_016,
    sha256: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    download: 4_422_102,
  },
  't10k-labels-idx1-ubyte': {
    bytes: 10_008,
    sha256: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
    download: 5_148,
  },
}

/** Label to name. */
export const CLASS_NAMES = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
] as const

/** Where the dataset's authors serve the four .gz files. The first has no https; the hashes protect both. */
export const MIRRORS: readonly string[] = [
  'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
  'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
]
