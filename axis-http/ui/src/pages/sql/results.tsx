/** The rows of an answer; more are drawn as the reader comes near the end. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Result } from '../../core/sql';
import { count } from '../../lib/format';
import { Table } from '../../ui/table';

const STEP = 100;

export function Results({ result }: { result: Result }) {
  const [shown, setShown] = useState(STEP);
  const end = useRef<HTMLParagraphElement>(null);
  useEffect(() => setShown(STEP), [result]);
  useEffect(() => {
    if (!end.current || shown >= result.rows.length) return;
    const near = new IntersectionObserver(([entry]) => entry?.isIntersecting && setShown((before) => before + STEP), {
      rootMargin: '400px',
    });
    near.observe(end.current);
    return () => near.disconnect();
  }, [shown, result]);
  return (
    <>
      <Table
        label="Answer"
        columns={result.columns.map((column) => ({ key: column.name, label: column.name, type: column.type }))}
        rows={result.rows.slice(0, shown)}
      />
      <p ref={end} class="table-end dim small">
        {shown < result.rows.length ? `${count(shown)} of ${count(result.rows.length)} rows are drawn` : ''}
      </p>
    </>
  );
}
