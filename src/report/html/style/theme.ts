/** Colours of both themes; each text colour has a contrast of 4.5 or more on `--page`, each line colour of 3. */
export const THEMES = {
  light: {
    page: '#fdfdfb',
    ink: '#1a1d20',
    muted: '#5a6168',
    rule: '#d9dad5',
    wash: '#f1f2ee',
    // One for each merge rule, and for nothing else.
    c1: '#0b5fa5',
    c2: '#c2440c',
    c3: '#00775c',
    c4: '#8a3b90',
    c5: '#7d5c00',
    c6: '#4b4bc4',
    local: '#6e757c',
    pooled: '#1a1d20',
    // Amounts, and what is right; mistakes, and what is unfinished.
    hit: '#47525d',
    miss: '#b0123b',
    over: '#ffffff',
  },
  dark: {
    page: '#14171a',
    ink: '#e8e7e3',
    muted: '#a4aab0',
    rule: '#343a40',
    wash: '#1d2125',
    c1: '#67b5f3',
    c2: '#ff9766',
    c3: '#41c79d',
    c4: '#dc9fe0',
    c5: '#dcb84f',
    c6: '#a9adff',
    local: '#8d949b',
    pooled: '#e8e7e3',
    hit: '#b3bfca',
    miss: '#ff7d99',
    over: '#0c0e10',
  },
} as const

/** Opacity of the steps of a shaded cell; the last three carry text in `--over`, the others in `--ink`. */
export const SHADES = [0, 0.06, 0.12, 0.2, 0.28, 0.36, 0.45, 0.87, 0.94, 1] as const
/** The first step that is dark enough for `--over`. */
export const DEEP = 7

/** A theme as CSS variables. */
export const variables = (theme: Readonly<Record<string, string>>): string =>
  Object.entries(theme)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';')

export const SANS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif'
