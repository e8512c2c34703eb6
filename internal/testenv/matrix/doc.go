// Package matrix runs one suite of acceptance tests through every tool on every service that can be
// had here, real or imitated, and writes down what came of each pair:
//
//	make matrix        # runs it, prints the table, and fails if matrix.md says otherwise
//	make matrix-docs   # runs it and copies the table into the documentation
//
// A cell is what happened, not what a profile says: which hardening the bucket shows and which it
// lacks, how its states were locked, and what was refused. A cell that does not behave as the
// suite demands fails the run.
package matrix

import _ "embed"

// Table is the result of the last run that was copied into the documentation, in Markdown.
//
//go:embed matrix.md
var Table string
