/** The figures at the top, as configured. */

import { useResource } from '../../core/resource';
import { select } from '../../core/sql';
import { count, duration, number, percent } from '../../lib/format';
import { type Sql, type Tile, tiles as sqlOf } from '../../lib/signals-sql';
import { Problem, Skeleton } from '../../ui/feedback';
import { configured } from '../../ui/icons';
import { Stat } from '../../ui/layout';

export function Strip({ of, version, tiles }: { of: Sql; version: number; tiles: Tile[] }) {
  const asked = sqlOf(of, tiles);
  const { data, error, reload } = useResource(JSON.stringify(asked), (signal) => select(asked, { signal }), version);
  if (error) return <Problem error={error} retry={reload} />;
  if (!data) return <Skeleton height={84} />;
  const row = data.rows[0] ?? {};
  return (
    <div class="stats">
      {tiles.map((tile, index) => (
        <Stat
          key={tile.label}
          label={tile.label}
          value={shown(row[`t${index}`], tile)}
          note={tile.aggregation ?? (tile.signal ? 'of cases' : ' ')}
          icon={configured(tile.icon, 'hash')}
        />
      ))}
    </div>
  );
}

function shown(value: unknown, tile: Tile): string {
  if (typeof value !== 'number') return '–';
  if (tile.aggregate === 'total_cases') return count(value);
  if (tile.format === 'duration') return duration(value * unit(tile.signal ?? ''));
  if (!tile.aggregation && tile.signal) return percent(value);
  return tile.format === 'percent' ? percent(value * 100) : number(value, 1);
}

/** How many milliseconds the unit has that the name of a signal ends with; minutes unless it says otherwise. */
function unit(signal: string): number {
  if (/_(?:ms|millis|milliseconds)$/.test(signal)) return 1;
  if (/_(?:s|sec|secs|seconds)$/.test(signal)) return 1000;
  if (/_(?:h|hours)$/.test(signal)) return 3_600_000;
  if (/_(?:d|days)$/.test(signal)) return 86_400_000;
  return 60_000;
}
