package limit

// cacheLine separates fields that different cores write, so that they do not slow each
// other down. 64 bytes is the size of a line on amd64 and most arm64.
type cacheLine [64]byte
