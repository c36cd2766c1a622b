/** The release. The package's own version; `cmake` hands the same to stage1. */
export const version = '0.1.0';
