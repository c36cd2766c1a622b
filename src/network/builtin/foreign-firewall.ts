import { errno, native } from '../../base/index.ts';

/**
 * Docker and some distributions set the policy of iptables' FORWARD chain to drop, and an accept in a table of ours
 * cannot overrule that: such a chain gets two rules at its head, as Docker's and CNI's own bridges put there. Idempotent.
 */
export async function allowForwarding(bridge: string): Promise<void> {
  for (const family of ['ip', 'ip6']) {
    const chain = `${family} filter FORWARD`;
    const listing = await listChain(chain);
    if (listing === undefined || !/policy drop;/.test(listing)) continue;
    const missing = ['iifname', 'oifname'].filter((side) => !listing.includes(`${side} "${bridge}" counter`));
    const rules = missing.map((side) => `insert rule ${chain} ${side} "${bridge}" counter accept`);
    if (rules.length > 0) await native().nft(`${rules.join('\n')}\n`);
  }
}

async function listChain(chain: string): Promise<string | undefined> {
  try {
    return await native().nft(`list chain ${chain}`);
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
}
