// api.proto says exactly what the interface's facts say, in both directions.
import { describeFacts } from '../facts.ts';

describeFacts(new URL('api.proto', import.meta.url), new URL('facts.json', import.meta.url), {
  messages: 175,
  enums: 11,
});
