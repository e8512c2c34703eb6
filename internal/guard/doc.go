// Package guard stands between a destroy and the states in a bucket: it finds out what would be
// lost, refuses what must not happen, and makes the final backup.
package guard
