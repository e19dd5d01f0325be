/**
 * The text of a file. A byte order mark, which Windows puts in front, is no part of it; by that of UTF-16, which
 * PowerShell writes, the file is known to be of that.
 */
export function textOf(bytes: Uint8Array): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}
