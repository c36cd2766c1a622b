/** `WWW-Authenticate` (RFC 9110, section 11.6.1): one or many challenges, in one header or several. Pure. */
export interface Challenge {
  /** Lower-case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names lower-case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const schemePattern = new RegExp(`\\s*,?\\s*(${token})(?=\\s|,|$)`, 'y');
const parameterPattern = new RegExp(`[\\s,]*(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`, 'y');

/** Challenges in the order of the header; what cannot be read ends the list. */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  return headers.flatMap(parseHeader);
}

function parseHeader(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  for (;;) {
    schemePattern.lastIndex = at;
    const scheme = schemePattern.exec(header);
    if (scheme === null) return challenges;
    at = schemePattern.lastIndex;
    const parameters: Record<string, string> = {};
    for (;;) {
      parameterPattern.lastIndex = at;
      const match = parameterPattern.exec(header);
      if (match === null) break;
      at = parameterPattern.lastIndex;
      const [, name = '', quoted, bare = ''] = match;
      parameters[name.toLowerCase()] = quoted === undefined ? bare : quoted.replace(/\\(.)/g, '$1');
    }
    challenges.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters });
  }
}
