/** A field for SQL: Tab indents, Shift+Tab takes back, Escape gives Tab back to the browser, Ctrl+Enter runs. */

import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { indented } from './indent';

interface Props {
  value: string;
  onChange: (text: string) => void;
  onRun: () => void;
}

const LEAST_LINES = 6;
const MOST_LINES = 18;

export function Editor({ value, onChange, onRun }: Props) {
  const leaving = useRef(false);
  const lines = value.split('\n').length;
  const press = (event: JSX.TargetedKeyboardEvent<HTMLTextAreaElement>) => {
    const field = event.currentTarget;
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onRun();
    } else if (event.key === 'Escape') {
      leaving.current = true;
      return;
    } else if (event.key === 'Tab' && !leaving.current) {
      event.preventDefault();
      const next = indented(field.value, field.selectionStart, field.selectionEnd, event.shiftKey);
      field.value = next.text;
      field.setSelectionRange(next.start, next.end);
      onChange(next.text);
    }
    leaving.current = false;
  };
  return (
    <div class="editor">
      <pre class="editor-lines num" aria-hidden="true">
        {Array.from({ length: lines }, (_, index) => index + 1).join('\n')}
      </pre>
      <textarea
        aria-label="SQL"
        aria-describedby="editor-help"
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        wrap="off"
        rows={Math.min(MOST_LINES, Math.max(LEAST_LINES, lines))}
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
        onKeyDown={press}
        onScroll={(event) => {
          const numbers = event.currentTarget.previousElementSibling;
          if (numbers) numbers.scrollTop = event.currentTarget.scrollTop;
        }}
      />
      <p id="editor-help" class="hidden">
        Tab indents. Press Escape, then Tab, to leave the field. Ctrl and Enter run the query.
      </p>
    </div>
  );
}
