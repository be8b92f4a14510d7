/** Everything about one row. */

import type { Column, Row } from '../../core/types';
import { cell, moment, time } from '../../lib/format';
import { Dialog } from '../../ui/dialog';

export function RowDialog({ row, columns, onClose }: { row: Row; columns: Column[]; onClose: () => void }) {
  return (
    <Dialog wide title="Row" onClose={onClose}>
      <dl class="row-values">
        {columns.map(({ column_name: name, column_type: type }) => (
          <div key={name}>
            <dt title={type}>{name}</dt>
            <dd>{value(row[name], type)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

function value(of: unknown, type: string) {
  if (of === null || of === undefined) return <span class="dim">no value</span>;
  if (type.startsWith('TIMESTAMP') && typeof of === 'string') {
    return (
      <span>
        {moment(time(of))} <span class="dim mono">{of}</span>
      </span>
    );
  }
  const text = typeof of === 'object' ? JSON.stringify(of, null, 2) : cell(of);
  return text.includes('\n') || text.length > 120 ? <pre>{text}</pre> : text;
}
