/** Colours of things that come in an order. */

const TOKENS = ['--c1', '--c2', '--c3', '--c4', '--c5', '--c6', '--c7', '--c8'] as const;

/** The colour of the thing at this place; more than eight begin anew. */
export function nth(index: number): string {
  return TOKENS[index % TOKENS.length] ?? TOKENS[0];
}

/** A token as a value of CSS. */
export function paint(token: string): string {
  return token.startsWith('--') ? `var(${token})` : token;
}
