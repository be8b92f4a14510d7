/** What Tab does to a text. */

const STEP = '  ';

export interface Edited {
  text: string;
  start: number;
  end: number;
}

/** Indents at the cursor, or the lines that are selected; `back` takes a step away. */
export function indented(text: string, start: number, end: number, back: boolean): Edited {
  if (start === end && !back) {
    return {
      text: text.slice(0, start) + STEP + text.slice(end),
      start: start + STEP.length,
      end: start + STEP.length,
    };
  }
  const from = text.lastIndexOf('\n', start - 1) + 1;
  const until = text.indexOf('\n', end) < 0 ? text.length : text.indexOf('\n', end);
  const lines = text.slice(from, until).split('\n');
  const changed = lines.map((line) => (back ? line.replace(/^ {1,2}/, '') : STEP + line));
  const first = (changed[0]?.length ?? 0) - (lines[0]?.length ?? 0);
  const block = changed.join('\n');
  return {
    text: text.slice(0, from) + block + text.slice(until),
    start: Math.max(from, start + first),
    end: Math.max(from, end + block.length - (until - from)),
  };
}
