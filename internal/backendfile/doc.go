// Package backendfile keeps one generated backend configuration on disk: a whole
// file, or a block inside a file that belongs to somebody else. It decides what
// may be written over, what counts as groundwork's own and what is left behind,
// on top of package backendcfg, which renders, edits and writes.
package backendfile
