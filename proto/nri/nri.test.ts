// nri.proto says exactly what the interface's facts say, in both directions.
import { describeFacts } from '../facts.ts';

describeFacts(new URL('nri.proto', import.meta.url), new URL('facts.json', import.meta.url), {
  messages: 84,
  enums: 10,
});
