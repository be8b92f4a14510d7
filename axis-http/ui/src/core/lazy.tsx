/** A page whose script is loaded when it is opened. */

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { PageSkeleton } from '../ui/feedback';

export function lazy(load: () => Promise<{ default: ComponentType }>): ComponentType {
  let Loaded: ComponentType | null = null;
  return function Lazy() {
    const [, setReady] = useState(Loaded !== null);
    useEffect(() => {
      if (Loaded) return;
      void load().then((module) => {
        Loaded = module.default;
        setReady(true);
      });
    }, []);
    return Loaded ? <Loaded /> : <PageSkeleton />;
  };
}
