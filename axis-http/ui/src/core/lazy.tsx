/** A page whose script is loaded when it is opened. */

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { PageSkeleton, Problem } from '../ui/feedback';
import { ApiError } from './error';

export function lazy(load: () => Promise<{ default: ComponentType }>): ComponentType {
  let Loaded: ComponentType | null = null;
  return function Lazy() {
    const [state, setState] = useState<'loading' | 'ready' | 'missing'>(Loaded ? 'ready' : 'loading');
    useEffect(() => {
      if (Loaded) return;
      load()
        .then((module) => {
          Loaded = module.default;
          setState('ready');
        })
        .catch(() => setState('missing'));
    }, []);
    if (state === 'missing') {
      // The server was replaced by another version while the page was open, or does not answer.
      const error = new ApiError('a part of the dashboard could not be loaded', 0, 'AXIS_UNREACHABLE');
      return (
        <div class="page">
          <Problem error={error} retry={() => location.reload()} />
        </div>
      );
    }
    return Loaded ? <Loaded /> : <PageSkeleton />;
  };
}
