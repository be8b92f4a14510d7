/** What is filtered, as a CSV file. */

import { useRef, useState } from 'preact/hooks';
import { api, type Params } from '../../core/api';
import type { Row } from '../../core/types';
import { csv, download } from '../../lib/csv';
import { count } from '../../lib/format';
import { Button } from '../../ui/controls';
import { complain, note } from '../../ui/feedback';
import { exported } from './export-rows';

interface Props {
  name: string;
  path: string;
  params: Params;
  columns: string[];
  total: number;
}

export function Export({ name, path, params, columns, total }: Props) {
  const [done, setDone] = useState<number | null>(null);
  const abort = useRef<AbortController | null>(null);
  const run = async () => {
    const stop = new AbortController();
    abort.current = stop;
    setDone(0);
    try {
      const rows = await exported({
        page: (page, size) =>
          api<{ data: Row[]; total: number }>(path, {
            params: { ...params, columns: columns.join(','), page, page_size: size },
            signal: stop.signal,
          }),
        generation: async () => {
          const { datasets } = await api<{ datasets: { dataset: string; generation: number }[] }>(
            '/api/store/datasets',
            { signal: stop.signal },
          );
          return datasets.find((one) => one.dataset === name)?.generation ?? 0;
        },
        progress: setDone,
      });
      download(`${name}.csv`, [csv(columns, rows)]);
      note(`${count(rows.length)} rows were written to ${name}.csv.`);
    } catch (error) {
      complain(error);
    } finally {
      setDone(null);
    }
  };
  if (done !== null) {
    return (
      <Button small icon="x" onClick={() => abort.current?.abort()}>
        {`Cancel export (${count(done)} of ${count(total)})`}
      </Button>
    );
  }
  return (
    <Button small icon="download" disabled={total === 0} onClick={() => void run()}>
      CSV
    </Button>
  );
}
