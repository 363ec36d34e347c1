// What is loaded right after the documentation is shown: the composer, the connections and the timeline.

import { Connections } from './connections.tsx';
import { Timeline } from './timeline.tsx';

export { Composer } from './composer.tsx';

export const Live = () => (
  <>
    <Connections />
    <Timeline />
  </>
);
