/** 20261123-184502, in UTC: sorts by time and is a folder name everywhere. */
export const timestamp = (now: Date): string => now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')
