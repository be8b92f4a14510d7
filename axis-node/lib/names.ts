/** The two spellings of a member: `snake_case` in the core, `camelCase` in JavaScript. */

export function camelCase(name: string): string {
  // Only letters: `avg_7d` stays what it is, and every name can be turned back.
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The message of an error about a member of options, or of a request, with the names that its caller writes. */
export function inCamelCase(message: string): string {
  const [, known, rest = "", there = ""] =
    /^(`\w+`)((?: is no member)? of the (?:\w+ )?(?:options|request)\b.*?)(; there are [\w, ]+)?$/s.exec(message) ?? [];
  return known === undefined ? message : camelCase(known) + rest + camelCase(there);
}
