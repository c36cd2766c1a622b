/** The numbers of a device, out of stat(2)'s st_rdev: 12 bits of major above 8 of minor, the rest of the minor above both (makedev(3)). */
export function deviceNumbers(rdev: number): { readonly major: number; readonly minor: number } {
  return {
    major: Math.floor(rdev / 2 ** 8) & 0xfff,
    minor: (rdev & 0xff) | ((Math.floor(rdev / 2 ** 12) & 0xfff00) >>> 0),
  };
}
